"""Variables in the text of config files."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gecholog.environment import fill, names_in, unquoted

# what os.environ may hold: any text without NUL; bytes that are no UTF-8 are surrogates of PEP 383
VALUES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
LITERALS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: json.dumps(text)[1:-1])


@given(NAMES, VALUES)
@example("A", '"')
@example("A", "\\")
@example("A", '\\"')
@example("A", "\r\n\t\x01\x7f")
@example("A", "${A}$A$$")
@example("A", "\udcff")
def test_a_value_arrives_as_it_is(name, value):
    """Filled and parsed, a string is the variable's very value, whatever is in it; nothing breaks out, or expands."""
    text = '{"a": "${%s}", "b": ["$%s"], "c": "<${%s}>", "of ${%s}": 1}' % ((name,) * 4)
    filled = fill(text, {name: value})
    parsed = json.loads(filled.text)
    assert (parsed["a"], parsed["b"], parsed["c"]) == (value, [value], f"<{value}>")
    assert parsed[f"of {value}"] == 1
    assert not filled.problems


@given(
    st.lists(LITERALS | NAMES.map("${{{}}}".format) | st.sampled_from(["$", "$$", "\n", "\r\n", '"', "${", "}"])),
    VALUES,
)
def test_lines_stay(parts, value):
    """Filling keeps the lines of the file, whatever the values hold: what is said of line 7 is true of the file."""
    text = "".join(parts)

    class Anything(dict):
        def get(self, name):
            return value

    assert fill(text, Anything()).text.count("\n") == text.count("\n")


@given(st.recursive(LITERALS, lambda inner: st.lists(inner, max_size=3), max_leaves=6), NAMES)
def test_text_without_variables_stays(value, name):
    """A text that names no variable is not touched."""
    text = json.dumps(value).replace("$", "")
    assert fill(text, {name: "x"}).text == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$", "$"),
        ("${", "${"),
        ("${}", "${}"),
        ("${A", "${A"),
        ("${A}}", "a}"),
        ("${A }", "${A }"),
        ("${A-b}", "${A-b}"),
        ("${${A}}", "${a}"),
        ("$A$A", "aa"),
        ("$A.b", "a.b"),
        ("$Ab", ""),
        ("$$", "$"),
        ("$$A", "$A"),
        ("$$$A", "$a"),
        ("$$$$", "$$"),
        ("$${A}", "${A}"),
        ("regex:^a+$", "regex:^a+$"),
        ("cost: $ 5", "cost: $ 5"),
        ("$é", "$é"),
        ("${Aé}", "${Aé}"),
        (r"\\${A}", r"\a"),
        (r"\"${A}\"", '"a"'),
        (r"\u0024A", "$A"),
        ("x${UNSET}y", "xy"),
    ],
)
def test_in_strings(text, result):
    """What is a variable in a string, and what stays as it stands."""
    filled = fill(f'{{"v": "{text}", "w": "$A"}}', {"A": "a"})
    assert json.loads(filled.text) == {"v": result, "w": "a"}
    assert not filled.problems


@pytest.mark.parametrize("value", ["0", "-1", "12.50", "1e3", "-0.5E-7", "true", "false", "null"])
def test_outside_strings(value):
    """Outside a string a variable is a number, a truth value or null."""
    filled = fill('{"v": ${A}}', {"A": value})
    assert json.loads(filled.text) == {"v": json.loads(value)}


@pytest.mark.parametrize(
    "value", ["", "x", "01", "1.", ".5", "+1", "1\n", " 1", "NaN", "1,2", '"x"', "[]", "1}", "1٣", "0x1"]
)
def test_what_cannot_stand_outside_strings(value):
    """Anything else outside a string is a problem with its line; the message does not hold the value."""
    filled = fill('{\n "v": ${A}}', {"A": value})
    [problem] = filled.problems
    assert problem.line == 2
    assert problem.rule == "the environment variable A, used outside a string, is not a number, true, false or null"


def test_unset_outside_a_string():
    """A variable that is not set is a problem outside a string."""
    [problem] = fill("[\n\n$A]", {}).problems
    assert (problem.line, problem.rule) == (3, "the environment variable A, used outside a string, is not set")


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=5))
def test_references(pairs):
    """Each reference names its variable and the place of its value in the filled text."""
    environ = dict(pairs)
    filled = fill(json.dumps([f"x${{{name}}}y" for name, _ in pairs]), environ)
    assert [reference.name for reference in filled.references] == [name for name, _ in pairs]
    for reference in filled.references:
        escaped = json.dumps(environ[reference.name])[1:-1]
        assert filled.text[reference.offset :].startswith(escaped)
        assert reference.is_set


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text(text):
    """Whatever the file is, filling it raises nothing, and only what looks like a variable is taken for one."""
    filled = fill(text, {})
    assert {name for reference in filled.references for name in reference.name.split(" or ")} <= set(
        re.findall(r"\w+", text, re.ASCII)
    )


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.data())
def test_the_first_that_has_a_value(environ, data):
    """`${A|B}` is the first variable that is set and not empty. Without one it is empty, and set if the first is."""
    names = data.draw(st.lists(st.sampled_from([*environ, "not_set_by_anybody"]), min_size=2, max_size=4))
    filled = fill(json.dumps(f"${{{'|'.join(names)}}}"), environ)
    wanted = next((environ[name] for name in names if environ.get(name)), "")
    assert json.loads(filled.text) == wanted
    [reference] = filled.references
    assert reference.name == " or ".join(names)
    assert (reference.is_empty, reference.is_set) == (not wanted, bool(wanted) or names[0] in environ)


def test_variables_outside_of_strings():
    """Their places; those in strings, and what is escaped, do not count."""
    text = '{"a": ${A}, "b$B": "$C \\" ${D}", "e": $E, "f": $$, "g": ${G|H}}'
    assert [text[start:end] for start, end in unquoted(text)] == ["${A}", "$E", "${G|H}"]


def test_names_of_variables():
    assert names_in("${A} $B $$C ${D|E}") == (("A",), ("B",), ("D", "E"))
    assert names_in("none") == ()


def test_files():
    """`${file:PATH}` is the content of a file, escaped as the values of variables are."""
    files = {"/run/key": 'a "quoted"\nkey', "/run/port": "5380"}
    filled = fill('{"a": "Bearer ${file:/run/key}", "b": ${file:/run/port}, "c": "${file:/none}"}', {}, files.get)
    assert json.loads(filled.text) == {"a": 'Bearer a "quoted"\nkey', "b": 5380, "c": ""}
    assert filled.files == ("/run/key", "/run/port", "/none")
    assert [(one.name, one.is_set) for one in filled.references][-1] == ("file:/none", False)
    assert filled.problems == ()


def test_a_file_outside_of_a_string_that_cannot_be_read():
    (problem,) = fill('{"a": ${file:/none}}', {}).problems
    assert problem.rule == "the file /none, used outside a string, cannot be read"
    assert list(unquoted('{"a": ${file:/none}}')) == [(6, 19)]
    assert names_in("${file:/run/key} ${A}") == (("file:/run/key",), ("A",))
