"""The examples of gl_config.json that processors ship."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEFAULT = json.loads((ROOT / "conf" / "gl_config.json").read_text("utf-8"))
EXAMPLES = {file.parent.name: json.loads(file.read_text("utf-8")) for file in ROOT.glob("processors/*/gl_config.json")}


@pytest.mark.parametrize("field", ["masked_headers", "masked_query_parameters", "remove_headers", "errors"])
@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_what_is_as_in_the_default(example, field):
    """An example that replaces the default masks the same secrets, and sends errors in the same form."""
    assert EXAMPLES[example].get(field) == DEFAULT[field]


def test_there_are_examples():
    """Each processor has an example, except for the one that is in the default itself."""
    folders = {file.parent.name for file in ROOT.glob("processors/*/__main__.py")}
    assert folders - EXAMPLES.keys() == {"tokencounter"}
