"""What the services left out of their configs."""

from gecholog.left_out import phrases


def entry(name, reason, closes=()):
    return {"list": "routers", "name": name, "entry": f"router {name}", "closes": list(closes), "reason": reason}


def test_entries_with_one_reason_share_a_phrase():
    """What has to be set is named once."""
    unset = "URL is not set"
    left_out = [entry("/a/", unset), entry("/b/", unset), entry("/c/", "URL, KEY are not set")]
    assert list(phrases(left_out)) == [
        "router /a/, router /b/ (URL is not set)",
        "router /c/ (URL, KEY are not set)",
    ]


def test_routers_that_are_closed():
    """A cap that cannot hold refuses the calls that it is for."""
    left_out = [entry("/a/", "token_caps[0].value must be 0 or more", closes=["/a/"])]
    assert next(phrases(left_out)).endswith("must be 0 or more; calls of /a/ are refused)")


def test_nothing_is_left_out():
    """Then there is nothing to say."""
    assert list(phrases([])) == []
