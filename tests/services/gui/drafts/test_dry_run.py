"""What a dry run shows."""

from services.gui.drafts.dry_run import without_addresses

TEXT = """dispatcher: 2 candidates
  1. openai/gpt-4o  openai at https://user:pw@x/?key=abc  (dispatcher: rating 3 → fast at home)
  2. dummy/x  dummy at http://127.0.0.1:5390
provider azure is left out: AZURE_OPENAI_API_KEY is not set
"""


def test_addresses_are_left_out():
    """They may hold secrets that variables were filled with."""
    assert (
        without_addresses(TEXT)
        == """dispatcher: 2 candidates
  1. openai/gpt-4o  openai  (dispatcher: rating 3 → fast at home)
  2. dummy/x  dummy
provider azure is left out: AZURE_OPENAI_API_KEY is not set
"""
    )
