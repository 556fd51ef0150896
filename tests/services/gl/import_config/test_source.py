import pytest

from services.gl.import_config import source
from services.gl.import_config.source import ImportRefusedError, Node


def read_yaml(text: str) -> Node:
    return source.read_yaml(text, [])


def plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {name: plain(inner) for name, inner in node.value.items()}
    return [plain(inner) for inner in node.value] if isinstance(node.value, list) else node.value


def test_scalars_keep_their_spelling() -> None:
    text = "a: 1.10\nb: yes\nc: 0x10\nd: 12:30\ne: 2024-05-13\nf: null\ng: ''\nh: 'null'\n"
    assert plain(read_yaml(text)) == {
        "a": "1.10",
        "b": "yes",
        "c": "0x10",
        "d": "12:30",
        "e": "2024-05-13",
        "f": None,
        "g": "",
        "h": "null",
    }


def test_numbers_and_truth_values_are_no_texts() -> None:
    members = read_yaml("a: 5\nb: true\nc: x\nd: '5'\ne: 2024-05-13").members()
    assert [members[name].is_text for name in "abcde"] == [False, False, True, True, True]


def test_values_know_where_they_stand() -> None:
    node = read_yaml("a:\n  - b: 1\n  -\n    c: 2\n").members()["a"].items()[1].members()["c"]
    assert (node.line, node.path) == (4, "a[1].c")


def test_aliases_and_merged_maps() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\nw: {<<: [{a: 5}, *x]}\n"
    assert plain(read_yaml(text)) == {
        "x": {"a": "1", "b": "2"},
        "y": {"a": "1", "b": "3"},
        "z": {"a": "1", "b": "2"},
        "w": {"a": "5", "b": "2"},
    }


@pytest.mark.parametrize("text", ["\ufeffa: 1", "a: 1\n---\nb: [", '{"a": 1}', "a: 1\r\n"])
def test_forms_of_files(text: str) -> None:
    assert plain(read_yaml(text)) == {"a": "1"}


def test_keys_that_are_given_twice() -> None:
    """The last one counts, and where it is in the file is told."""
    repeated: list[Node] = []
    root = source.read_yaml("a: {b: 1, b: 2}\nc: 1\nc: 2\n", repeated)
    assert plain(root) == {"a": {"b": "2"}, "c": "2"}
    assert [(node.line, node.path) for node in repeated] == [(1, "a.b"), (3, "c")]


def test_an_empty_file_is_a_null() -> None:
    assert read_yaml("").value is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1: no valid YAML"),
        ("a:\n\tb: 1", "line 2: no valid YAML"),
        ("a: &x [*x]", "line 1: a\\[0\\]: is an alias of something that holds it"),
        ("? [a]\n: b", "line 1: has a key that is no text"),
        ("a: \x01", "no valid YAML"),
        ("[" * 3000, "line 1: is nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        read_yaml(text)
