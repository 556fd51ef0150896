"""What the page of the audit log says."""

from services.gui.pages.audit import details


def test_details_are_words_for_people():
    detail = {"hosts": ["a.example", "b.example"], "was": None, "locked_seconds": 60, "payloads": True, "owner": ""}
    assert list(details(detail)) == [
        ("hosts", "a.example, b.example"),
        ("locked seconds", "60"),
        ("payloads", "yes"),
    ]
