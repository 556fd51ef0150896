"""Config files: read, filled, checked; every problem at once."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import config
from gecholog.config import ConfigSpec, in_force, refuse_losses
from gecholog.entries import ConfigEntry
from gecholog.errors import ConfigError, Problem

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+\\Z", "rule": "must be small letters"},
        "port": {"type": "integer", "minimum": 1},
        "free": {"type": "object"},
        "rows": {
            "type": "array",
            "minItems": 1,
            "skip_invalid_items": True,
            "entry": {"noun": "row", "name": "id"},
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "size": {"type": "integer", "maximum": 9},
                    "key": {"type": "string", "must_be_set": True},
                },
            },
        },
    },
}
PLAIN = ConfigSpec(SCHEMA)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), inner),
    max_leaves=10,
)


def check(text, environ=None, spec=PLAIN):
    data = text if isinstance(text, bytes) else text.encode()
    return config.check(data, "f.json", spec, environ or {})


def problems(text, environ=None, spec=PLAIN):
    with pytest.raises(ConfigError) as raised:
        check(text, environ, spec)
    return raised.value.problems


def test_field_given_twice():
    """A field that an object has twice is named in a warning; the last one counts."""
    data = b'{"a": {"b": 1, "b": 2}, "c": [{"b": 1}]}'
    parsed = check(data, "x", ConfigSpec({"type": "object"}))
    assert parsed.values["a"] == {"b": 2}
    assert [problem.path for problem in parsed.warnings] == ["b"]


def test_a_good_file():
    """The parsed config has the values, the checksum of the bytes, and no warnings."""
    data = b'\xef\xbb\xbf{\r\n "name": "${N}",\r\n "port": $P, "rows": null}\r\n'
    parsed = check(data, {"N": "a", "P": "5"})
    assert parsed.values == {"name": "a", "port": 5}
    assert parsed.sha256 == hashlib.sha256(data).hexdigest()
    assert parsed.warnings == ()


def test_all_problems_with_their_lines():
    """Everything that is wrong is said at once, with path and line; a missing field is looked for in its object."""
    found = problems('{\n "port": 0,\n "free": [],\n "rows": [\n  {"id": "a"},\n  {"id": 2}\n ]\n}')
    assert {(problem.path, problem.line) for problem in found} == {
        ("name", 1),
        ("port", 2),
        ("free", 3),
        ("rows[1].id", 6),
    }


def test_lines_with_line_breaks_in_values():
    """A variable's line breaks do not move the lines that follow."""
    [problem] = problems('{"name": "a",\r\n"free": {"x": "${X}"},\r\n"port": "y"}', {"X": "1\n2\n3"})
    assert (problem.path, problem.line) == ("port", 3)


def test_variables_are_named():
    """A problem with a value from the environment names the variable, and tells whether it is set; not the value."""
    [problem] = problems('{"name": "${UNSET}"}')
    assert (
        problem.rule == "must be small letters (the value comes from the environment variable UNSET, which is not set)"
    )
    [problem] = problems('{"name": "x${SET}"}', {"SET": "SECRET"})
    assert problem.rule == "must be small letters (the value comes from the environment variable SET)"


def test_names_from_the_environment():
    """A name in a path that comes from the environment is told by its variable."""
    environ = {"A": "Secret", "B": "name"}
    parsed = check('{"name": "a", "${A}": 1, "x${A}y": 2, "known ${no}": 3, "free": {"k": "$A"}, "o": "$A"}', environ)
    assert [problem.path for problem in parsed.warnings] == ["${A}", "${A}", "${no}", "o"]
    [problem] = problems('{"${B}": 5}', environ)
    assert problem.path == "${B}"


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("", "is not JSON: Expecting value at column 1", 1),
        ('{"a":\n "b" x}', "is not JSON: Expecting ',' delimiter at column 6", 2),
        ('{"a":\n "${A}" x}', "is not JSON: Expecting ',' delimiter", 2),
        ('{"${A}":\n "b" x}', "is not JSON: Expecting ',' delimiter at column 6", 2),
        ('{"a": NaN}', "is not JSON, or holds a number out of range", None),
        ('{"a": -1e999}', "is not JSON, or holds a number out of range", None),
        ('{"a": "\x00"}', "is not JSON: Invalid control character at column 8", 1),
        ('{"a": "b', "is not JSON: Unterminated string starting at column 7", 1),
        ('{"a": "${A}', "is not JSON: Unterminated string starting at column 7", 1),
        ('{"a": "${A}", "b": "x', "is not JSON: Unterminated string", 1),
        ('{"a": "${A}", "b": "\x00"}', "is not JSON: Invalid control character", 1),
        ("{'a': 1}", "is not JSON: Expecting property name enclosed in double quotes at column 2", 1),
        (b'{"a":\n"\xff"}', "is not UTF-8", 2),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8", 1),
        ("[" * 100_000, "is nested too deeply", None),
        ('{"free": ' + '{"a":' * 800 + "1" + "}" * 801, "is nested too deeply", None),
        ('{"a": $B}', "the environment variable B, used outside a string, is not set", 1),
    ],
)
def test_files_that_are_no_json(text, rule, line):
    """What cannot be read is one problem; behind a variable the column would be wrong, and tell its length."""
    assert problems(text, {"A": "secret"}) == (Problem("", rule, line),)


def test_entries_rejected_alone():
    """An entry whose values break a rule is left out with a warning; the others stay."""
    parsed = check('{"name": "a", "rows": [{"id": "a"}, {}, {"id": "b", "size": 10}, {"id": "c", "size": 9}]}')
    assert [row["id"] for row in parsed.values["rows"]] == ["a", "c"]
    assert [warning.path for warning in parsed.warnings] == ["rows[1].id", "rows[2].size"]


@pytest.mark.parametrize("number", ["9" * 19, "9" * 400, "-" + "9" * 5000])
def test_numbers_that_nobody_means(number):
    """They are refused here, before anybody makes a float of them."""
    (found,) = problems(f'{{"name": "a", "rows_of": [], "port": {number}}}')
    assert "out of range" in found.rule


def test_wrong_types_refuse_the_file():
    """A wrong JSON type in an entry refuses the whole file; what would only be left out is said as a warning."""
    with pytest.raises(ConfigError) as caught:
        check(b'{"name": "a", "rows": [{"id": 1}, {}], "unknown": 1}', "x", PLAIN)
    assert [problem.path for problem in caught.value.problems] == ["rows[0].id"]
    assert [problem.path for problem in caught.value.warnings] == ["rows[1].id", "unknown"]


def test_no_entry_left():
    """A list that needs an entry and has no valid one refuses the file."""
    found = problems('{"name": "a", "rows": [{}, {}]}')
    assert (found[0].path, found[0].rule) == ("rows", "has no valid entry")
    assert len(found) == 3


def test_rules():
    """Rules see values whose types are right; what they find is an error, or rejects an entry alone."""

    def no_twins(value):
        ids = [row.get("id") for row in value.get("rows", [])]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                yield ("rows", index), "has the id of another entry"

    spec = ConfigSpec(SCHEMA, (no_twins,))
    parsed = check('{"name": "a", "rows": [{"id": "a"}, {"id": "a"}]}', spec=spec)
    assert [str(warning) for warning in parsed.warnings] == [
        "row a is left out: rows[1] (line 1): has the id of another entry"
    ]
    found = problems('{"name": 1, "rows": [{"id": "a"}, {"id": "a"}]}', spec=spec)
    assert [problem.path for problem in found] == ["name"]


def test_advice_about_the_whole_file():
    """Such a rule sees the entries that are left out as well."""
    spec = ConfigSpec(SCHEMA, whole_warnings=(lambda value: [(("name",), f"has {len(value['rows'])} rows")],))
    parsed = check('{"name": "a", "rows": [{"id": ""}, {"id": "bb"}]}', spec=spec)
    assert [str(warning) for warning in parsed.warnings][-1] == "name (line 1): has 2 rows"


def test_warnings_that_are_new():
    """A warning that has moved to another line is not."""
    before = check('{"name": "a",\n"unknown": 1}')
    after = check('{"name": "a",\n\n"other": 1,\n"unknown": 1}')
    assert [warning.path for warning in after.new_warnings(before)] == ["other"]


def test_warnings_of_entries_that_have_moved():
    """An entry before them gives them other positions; only what is wrong with another entry is new."""
    before = check('{"name": "a", "rows": [{"id": ""}, {"id": "b", "extra": 1}]}')
    moved = check('{"name": "a", "rows": [{"id": "a"}, {"id": "b", "extra": 1}, {"id": ""}]}')
    assert len(before.warnings) == len(moved.warnings) == 2
    assert moved.new_warnings(before) == []
    more = check('{"name": "a", "rows": [{"id": ""}, {"id": "b", "extra": 1}, {"id": "c", "extra": 1}]}')
    assert [warning.path for warning in more.new_warnings(before)] == ["rows[2].extra"]
    assert [warning.path for warning in more.new_warnings(moved)] == ["rows[2].extra"]


def test_advice():
    """What a file may break is a warning with its place, about what is left of the file; a refused file gets none."""

    def short(value):
        for index, row in enumerate(value.get("rows", [])):
            if len(row["id"]) < 2:
                yield ("rows", index, "id"), "is short"

    spec = ConfigSpec(SCHEMA, warnings=(short,))
    parsed = check('{"name": "a", "rows": [{"id": "a"}, {"id": "bb"}]}', spec=spec)
    assert [str(warning) for warning in parsed.warnings] == ["rows[0].id (line 1): is short"]
    assert len(parsed.values["rows"]) == 2
    found = problems('{"name": "A", "rows": [{"id": "a"}]}', spec=spec)
    assert [problem.path for problem in found] == ["name"]


@given(JSON)
def test_any_value(value):
    """Whatever a file holds, it is a parsed config or a ConfigError."""
    try:
        parsed = check(json.dumps(value))
    except ConfigError as error:
        found = error.problems
    else:
        found = parsed.values["name"]
    assert found


@given(st.binary())
def test_any_bytes(data):
    """Whatever bytes a file holds, it is a parsed config or a ConfigError."""
    with pytest.raises(ConfigError):
        check(data)


def test_a_large_file():
    """Twenty thousand entries, some of them wrong, are checked in one go."""
    rows_of = [{"id": str(number), "size": number % 10 + (number % 5000 == 0) * 10} for number in range(20_000)]
    parsed = check(json.dumps({"name": "a", "rows": rows_of}))
    assert (len(parsed.values["rows"]), len(parsed.warnings)) == (19_996, 4)


def test_read(tmp_path):
    """Bytes of a file; what cannot be read is a ConfigError that says why."""
    file = tmp_path / "f.json"
    file.write_bytes(b"\x00\xff")
    assert config.read(file) == b"\x00\xff"
    for path, reason in ((tmp_path / "no", "No such file"), (tmp_path, "directory"), (file / "x", "Not a directory")):
        with pytest.raises(ConfigError, match=reason):
            config.read(path)


def rows_of(*entries):
    return json.dumps({"name": "a", "rows": list(entries)})


def test_what_is_left_out():
    """Each entry that is left out is told with its name and all that is wrong with it; the others by their names."""
    parsed = check(rows_of({"id": "a"}, {"id": "b", "size": 10, "key": "x$no"}, {}, {"id": "$no"}))
    assert parsed.entries == (ConfigEntry("rows", "a", "row a"),)
    assert [one.entry for one in parsed.left_out] == [
        ConfigEntry("rows", "b", "row b"),
        ConfigEntry("rows", "", "rows[2]"),
        ConfigEntry("rows", "", "rows[3]"),
    ]
    assert [problem.path for problem in parsed.left_out[0].problems] == ["rows[1].size", "rows[1].key"]
    assert {problem.consequence for problem in parsed.left_out[0].problems} == {"row b is left out"}


def test_report():
    """What is left out, as JSON for other programs; other warnings stand beside it."""
    parsed = check(rows_of({"id": "a"}, {"id": "b", "size": 10, "odd": 1}))
    assert parsed.report == {
        "checksum": parsed.sha256,
        "left_out": [
            {
                "list": "rows",
                "name": "b",
                "entry": "row b",
                "reason": "rows[1].size must be at most 9",
                "closes": [],
                "problems": [{"path": "rows[1].size", "line": 1, "rule": "must be at most 9"}],
            }
        ],
        "warnings": [{"path": "rows[1].odd", "line": 1, "rule": "is not known and is ignored"}],
    }


def test_order_of_what_is_left_out():
    """It is that of the file, whichever rule an entry breaks."""

    def first(value):
        yield ("rows", 0), "is first"

    parsed = check(rows_of({"id": "a"}, {"id": "b", "size": 10}, {"id": "c"}), spec=ConfigSpec(SCHEMA, (first,)))
    assert [one.entry.name for one in parsed.left_out] == ["a", "b"]


def test_entry_that_must_not_be_left_out():
    """Its problems refuse the file, with the field that says so; another invalid entry is still only left out."""
    spec = ConfigSpec(SCHEMA, not_skipped=lambda row: "key" if row.get("key") else "")
    assert [one.entry.name for one in check(rows_of({"id": "a"}, {"id": "b", "size": 10}), spec=spec).left_out] == ["b"]
    with pytest.raises(ConfigError) as caught:
        check(rows_of({"id": "a"}, {"id": "b", "size": 10, "key": "x"}, {"id": "c", "size": 10}), spec=spec)
    found = [(problem.path, problem.rule) for problem in caught.value.problems]
    assert found == [
        ("rows[1].size", "must be at most 9"),
        ("rows[1].key", "is set, so this entry cannot be left out"),
    ]


def test_names_from_the_environment_are_not_shown():
    """An entry whose name is the value of a variable is called by the variable."""
    parsed = check(rows_of({"id": "a"}, {"id": "x$ID", "size": 10}), {"ID": "Secret"})
    assert parsed.left_out[0].entry == ConfigEntry("rows", "xSecret", "row ${ID}")
    assert "Secret" not in str(parsed.warnings[0])


@pytest.mark.parametrize(
    ("text", "environ", "left_out"),
    [
        ("Bearer $KEY", {}, True),
        ("Bearer ${KEY}", {"KEY": ""}, True),
        ("a${KEY}b", {}, True),
        ("${OTHER}${KEY}", {"OTHER": "x"}, True),
        ("a${KEY}b", {"KEY": ""}, False),
        ("Bearer $KEY", {"KEY": "x"}, False),
        ("Bearer $$KEY", {}, False),
        ("Bearer ", {}, False),
    ],
)
@pytest.mark.parametrize("before", [[], [{"id": "z", "size": 10}]])
def test_variables_that_must_be_set(text, environ, left_out, before):
    """A variable without a value anywhere in the text costs the entry, and the warning names it and its place."""
    parsed = check(rows_of({"id": "a"}, *before, {"id": "b", "key": text}), environ)
    problems = [one.problems for one in parsed.left_out if one.entry.name == "b"]
    assert bool(problems) == left_out
    if left_out:
        [[problem]] = problems
        assert problem.path == f"rows[{1 + len(before)}].key"
        assert "environment variable" in problem.rule
        assert "KEY" in problem.rule


def test_advice_behind_entries_that_are_left_out():
    """Advice is about what is left of the file, and names the places of the whole file."""

    def warn(value):
        yield ("rows", 1, "id"), "is short"

    parsed = check(rows_of({}, {"id": "a"}, {}, {"id": "b"}), spec=ConfigSpec(SCHEMA, warnings=(warn,)))
    assert parsed.warnings[-1].path == "rows[3].id"


def test_closes():
    """What a service refuses for want of an entry is said in the warning, and is in force as closed."""

    def closes(values, rejected):
        assert values["rows"] == [{"id": "a"}]
        return {place: (entry["id"],) for place, entry in rejected.items()}

    parsed = check(rows_of({"id": "a"}, {"id": "b", "size": 10}), spec=ConfigSpec(SCHEMA, closes=closes))
    assert parsed.warnings[0].consequence == "row b is left out, and calls of b are refused (503)"
    assert parsed.in_force.closed == {"b"}


def test_rules_beside(tmp_path):
    """Rules about other files are asked where the file has a folder, and their violations are warnings."""

    def beside(value, folder):
        yield ("name",), f"is not {folder.name}"

    spec = ConfigSpec(SCHEMA, cross_file_warnings=(beside,))
    data = b'{"name": "a"}'
    assert not config.check(data, "f.json", spec, {}).warnings
    [warning] = config.check(data, "f.json", spec, {}, tmp_path).warnings
    assert warning.rule == f"is not {tmp_path.name}"


def test_a_reload_that_would_lose_an_entry():
    """It is refused, by the entry and what is wrong with it."""
    before = check(rows_of({"id": "a"}, {"id": "b"})).in_force
    with pytest.raises(ConfigError) as caught:
        refuse_losses(check(rows_of({"id": "a"}, {"id": "b", "size": 10})), before)
    [problem] = caught.value.problems
    assert str(problem) == "row b is in force now and would be lost: rows[1].size (line 1): must be at most 9"
    refuse_losses(check(rows_of({"id": "a"})), before)


@pytest.mark.parametrize("text", ['{"name": "A", "rows": [{"id": "a"}, {}]}', '{"rows": [{"id": "a", "size": 99}]}'])
def test_in_force_and_not_valid_any_more(text):
    """Whatever has happened to the file in force, or to what it names: its entries are in force."""
    assert in_force(text.encode(), "f.json", PLAIN, {}).entries == (ConfigEntry("rows", "a", "row a"),)


@pytest.mark.parametrize("text", ["", "[1", "\xff"])
def test_in_force_and_not_readable(text):
    """A file in force that cannot be read is no reason to let everything pass."""
    with pytest.raises(ConfigError):
        in_force(text.encode("latin-1"), "f.json", PLAIN, {})


def test_values_from_files(tmp_path):
    """The line break at the end of a file does not count; a file that is missing is told as such."""
    schema = {"properties": {"key": {"type": "string", "minLength": 1, "must_be_set": True}}}
    key = tmp_path / "key"
    key.write_text("s3cret\r\n", "utf-8")
    text = f'{{"key": "${{file:{key}}}"}}'.encode()
    parsed = config.check(text, "x", ConfigSpec(schema), {})
    assert parsed.values == {"key": "s3cret"}
    assert parsed.files == (str(key),)
    key.unlink()
    with pytest.raises(ConfigError) as error:
        config.check(text, "x", ConfigSpec(schema), {})
    rules = {problem.rule for problem in error.value.problems}
    assert f"must not be empty (the value comes from the file {key}, which cannot be read)" in rules
    assert "s3cret" not in str(error.value)
