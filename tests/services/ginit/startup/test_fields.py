"""The fields of config files: what one has and another one has not."""

import pytest

from services.ginit.startup.fields import fields, missing, unfilled


def test_paths_of_json():
    """Objects by their names, entries by what identifies them in whatever order, lists of plain values as one field."""
    text = '{"a": {"b": 1}, "routers": [{"path": "/x/", "url": ""}], "p": [[{"name": "n"}], [{}, 7]], "l": ["v"]}'
    found = fields("x.json", text)
    entries = ["routers", "routers[/x/]", "routers[/x/].path", "routers[/x/].url", "p", "p[n]", "p[n].name"]
    assert list(found) == ["a", "a.b", *entries, "l"]
    assert found["routers[/x/].url"] == "routers[/x/]"
    assert found["a"] == ""


def test_missing_names_the_highest():
    """Fields below a missing field are not listed, nor are those of a removed entry."""
    wanted = fields("x.json", '{"a": {"b": {"c": 1}}, "d": 1, "routers": [{"path": "/x/", "new": 1}]}')
    assert missing(wanted, fields("x.json", '{"a": {}, "routers": []}')) == ["a.b", "d", "routers[/x/]"]
    assert missing(wanted, fields("x.json", '{"a": {"b": {"c": 2}}, "d": 0, "routers": [{"path": "/x/"}]}')) == [
        "routers[/x/].new"
    ]


def test_nats_server():
    """The names at the top, whichever of its notations is used; comments and blocks are not looked at."""
    text = 'host: $X\nport=4222 # max: 1\n// no: 1\nauthorization {\n  token: $T\n}\n"max_payload" 8MB\n'
    assert list(fields("nats-server.conf", text)) == ["host", "port", "authorization", "max_payload"]


@pytest.mark.parametrize("text", ["{", "", '{"a": }'])
def test_no_json(text):
    """It is told apart from a file without fields."""
    with pytest.raises(ValueError, match=r"Expecting"):
        fields("x.json", text)


def test_variables_stay_as_they_are():
    """Also where they stand for a number, which is no JSON before they are filled in."""
    assert unfilled('{"port": $PORT, "level": ${L}, "token": "a \\" ${T}"}') == {
        "port": "$PORT",
        "level": "${L}",
        "token": 'a " ${T}',
    }
