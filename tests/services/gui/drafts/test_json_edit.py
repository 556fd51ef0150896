"""One value changes, and every other byte of the text stays."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import NotJson
from services.gui.drafts.json_document import Document, Variable, joined, parent, steps
from services.gui.drafts.json_edit import ensure, insert_item, move_item, remove, rename, set_value

ROOT = Path(__file__).parents[4]
NAMES = st.text(st.sampled_from('ab~/ ü"\\$'), max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | NAMES
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))
CONTAINERS = VALUES.filter(lambda value: isinstance(value, dict | list) and value)


@st.composite
def texts(draw):
    """A value, and a text of it with any space between its tokens."""
    value = draw(CONTAINERS)
    indent = draw(st.sampled_from([None, 1, 2, 3, "\t"]))
    text = json.dumps(value, indent=indent, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return value, draw(st.sampled_from(["", "\n", "  "])) + text + draw(st.sampled_from(["", "\n"]))


@st.composite
def places(draw):
    """A text, and the pointer of one of its values other than the outermost."""
    value, text = draw(texts())
    document = Document.of(text)
    pointers = [pointer for pointer, _ in document.walk() if pointer]
    return value, document, draw(st.sampled_from(pointers))


def at(value, pointer):
    """The container of a place, and the key or index there."""
    *above, last = steps(pointer)
    for step in above:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value, int(last) if isinstance(value, list) else last


def only_changes(before, after, node):
    """Tell whether what stands before and after a node is the same in both texts."""
    return after.startswith(before[: node.start]) and after.endswith(before[node.end :])


@given(texts())
def test_a_document_has_the_values_of_the_text(pair):
    value, text = pair
    document = Document.of(text)
    assert document.value() == value
    for pointer, node in document.walk():
        assert document.find(pointer) == node


@given(places(), VALUES)
def test_set(place, new):
    """Exactly the span of the old value is replaced."""
    value, document, pointer = place
    node = document.find(pointer)
    changed = set_value(document, pointer, new)
    assert only_changes(document.text, changed.text, node)
    container, key = at(value, pointer)
    container[key] = new
    assert changed.value() == value


@given(places(), NAMES, VALUES)
def test_add_a_member(place, name, new):
    """All that was there stays, in its order; the new member is the last of its object."""
    value, document, pointer = place
    above = parent(pointer)[0]
    node = document.find(above)
    if node.kind != "{" or node.child(name):
        return
    changed = set_value(document, joined(above, name), new)
    last = node.children[-1][1].end
    assert changed.text.startswith(document.text[:last])
    assert changed.text.endswith(document.text[last:])
    at(value, pointer)[0][name] = new
    assert changed.value() == value
    assert list(changed.value(changed.find(above)))[-1] == name


@given(places(), st.integers(0, 5), VALUES)
def test_insert_an_item(place, index, new):
    value, document, pointer = place
    above = parent(pointer)[0]
    node = document.find(above)
    if node.kind != "[":
        return
    changed = insert_item(document, above, index, new)
    place = node.children[index][1].begin if index < len(node.children) else node.children[-1][1].end
    assert changed.text.startswith(document.text[:place])
    assert changed.text.endswith(document.text[place:])
    at(value, pointer)[0].insert(index, new)
    assert changed.value() == value


@given(places())
def test_remove(place):
    """What is left is a part of the old text, with one comma less."""
    value, document, pointer = place
    node = document.find(parent(pointer)[0])
    changed = remove(document, pointer)
    container, key = at(value, pointer)
    del container[key]
    assert changed.value() == value
    assert only_changes(document.text, changed.text, node)
    size = len(document.text) - len(changed.text)
    assert any(
        document.text[:start] + document.text[start + size :] == changed.text for start in range(node.start, node.end)
    )


@given(places(), VALUES)
def test_adding_and_removing_again_gives_the_same_text(place, new):
    """Byte for byte, for items and members."""
    _, document, pointer = place
    above = parent(pointer)[0]
    if document.find(above).kind == "[":
        end = len(document.find(above).children)
        assert remove(insert_item(document, above, end, new), joined(above, end)).text == document.text
    elif not document.find(above).child("new"):
        pointer = joined(above, "new")
        assert remove(set_value(document, pointer, new), pointer).text == document.text


@given(places(), st.integers(0, 3), st.integers(0, 3))
def test_move(place, index, to):
    """The items keep their texts, and moving back gives the same text."""
    value, document, pointer = place
    above = parent(pointer)[0]
    node = document.find(above)
    if node.kind != "[" or max(index, to) >= len(node.children):
        return
    changed = move_item(document, above, index, to)
    container = at(value, pointer)[0]
    container.insert(to, container.pop(index))
    assert changed.value() == value
    assert only_changes(document.text, changed.text, node)
    assert move_item(changed, above, to, index).text == document.text


@given(places(), NAMES)
def test_rename(place, name):
    """A member keeps its value and its place."""
    value, document, pointer = place
    container, key = at(value, pointer)
    if isinstance(container, list) or (name in container and name != key):
        return
    node = document.find(pointer)
    changed = rename(document, pointer, name)
    assert changed.text == document.text[: node.begin] + document.text[node.begin :].replace(
        document.text[node.begin : node.key_end],
        changed.text[node.begin : changed.find(_renamed(pointer, name)).key_end],
        1,
    )
    items = [(name if old == key else old, item) for old, item in container.items()]
    container.clear()
    container.update(items)
    assert list(changed.value(changed.find(parent(pointer)[0]))) == list(container)
    assert changed.value() == value


def _renamed(pointer, name):
    return joined(parent(pointer)[0], name)


def test_new_values_are_written_as_their_neighbours():
    document = Document.of('{\n   "a": [],\n   "b": {\n      "c": 1\n   }\n}\n')
    document = set_value(document, "/b/d", {"x": ["y"], "z": {}})
    document = insert_item(document, "/a", 0, {"n": 1})
    assert document.text == (
        '{\n   "a": [\n      {\n         "n": 1\n      }\n   ],\n   "b": {\n      "c": 1,\n      "d": {\n'
        '         "x": [\n            "y"\n         ],\n         "z": {}\n      }\n   }\n}\n'
    )


def test_one_line_stays_one_line():
    document = Document.of('{\n  "a": {"b": ["x", "y"]}\n}')
    document = set_value(document, "/a/c", {"d": [1, {}]})
    document = insert_item(document, "/a/b", 0, "w")
    assert document.text == '{\n  "a": {"b": ["w", "x", "y"], "c": {"d": [1, {}]}}\n}'


def test_containers_that_are_missing():
    document = ensure(Document.of('{\n  "a": 1\n}'), "/limits/list", "[")
    assert document.text == '{\n  "a": 1,\n  "limits": {\n    "list": []\n  }\n}'
    assert ensure(document, "/limits/list", "[") is document


def test_variables_outside_of_strings():
    """They are values, and are written without quotes."""
    document = Document.of('{"port": ${GL_PORT}, "on": $ON, "text": "${A} $B", "last": 1}')
    assert document.value() == {"port": "${GL_PORT}", "on": "$ON", "text": "${A} $B", "last": 1}
    assert isinstance(document.value(document.find("/port")), Variable)
    assert not isinstance(document.value(document.find("/text")), Variable)
    document = set_value(document, "/last", Variable("${LAST|FIRST}"))
    document = set_value(document, "/port", 5380)
    assert document.text == '{"port": 5380, "on": $ON, "text": "${A} $B", "last": ${LAST|FIRST}}'


def test_a_name_that_occurs_twice():
    """The last one counts, as for the services, and the other one stays."""
    document = Document.of('{"a": 1, "a": 2, "b": 3}')
    assert set_value(document, "/a", 9).text == '{"a": 1, "a": 9, "b": 3}'
    assert remove(document, "/a").text == '{"a": 1, "b": 3}'


def test_numbers_keep_their_spelling():
    document = Document.of('{"a": 1.50, "b": 12345678901234567890123456789, "c": 1E2}')
    assert set_value(document, "/c", 3).text == '{"a": 1.50, "b": 12345678901234567890123456789, "c": 3}'


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "[1] x", "nan", '{"a": NaN}', "[" * 100_000, '{"a": $}'])
def test_texts_that_are_not_json(text):
    with pytest.raises(NotJson):
        Document.of(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: remove(document, "/x"),
        lambda document: remove(document, "/a/2"),
        lambda document: set_value(document, "/x/y", 1),
        lambda document: set_value(document, "/s/y", 1),
        lambda document: insert_item(document, "/s", 0, 1),
        lambda document: move_item(document, "/a", 0, 2),
        lambda document: rename(document, "/x", "y"),
        lambda document: rename(document, "/s", "a"),
        lambda document: rename(document, "/a/0", "a"),
    ],
)
def test_places_that_do_not_exist(change):
    with pytest.raises(LookupError):
        change(Document.of('{"a": [1, 2], "s": "text"}'))


@pytest.mark.parametrize("file", sorted((ROOT / "conf").rglob("*_config.json")), ids=lambda file: file.name)
def test_shipped_configs(file):
    """Each scalar of each file can be changed alone."""
    text = file.read_text("utf-8")
    document = Document.of(text)
    for pointer, node in document.walk():
        if not node.is_container:
            changed = set_value(document, pointer, "NEW").text
            assert changed == text[: node.start] + '"NEW"' + text[node.end :]
