"""The JSON Schema of a record, as the docs publish it."""

import json
from typing import Any

import jsonschema

from tests.support.process import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "record.schema.json").read_text("utf-8"))
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def check_record(record: dict[str, Any]) -> None:
    """Fail if a record does not conform to the schema."""
    faults = [f"{error.json_path}: {error.message[:200]}" for error in _VALIDATOR.iter_errors(record)]
    assert not faults, "\n".join(faults)
