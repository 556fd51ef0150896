"""Forms: drawn from a schema, and applied to the text without touching what was not edited."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.finding import Finding, Severity
from gecholog.schema_export import exported
from services.ginit import config as ginit
from services.gl.config import config_spec as gl
from services.gui.drafts.form_apply import FormError, apply
from services.gui.drafts.form_build import FormSource, build
from services.gui.drafts.guesses import writes_secret
from services.gui.drafts.json_document import Document
from services.gui.drafts.schema_path import subschema
from services.gui.drafts.secret_values import masked, secrets_in
from services.nats2log import config as nats2log

ROOT = Path(__file__).parents[4]
SCHEMAS = {
    "gl": exported(gl().schema),
    "ginit": exported(ginit.config_spec().schema),
    "nats2log": exported(nats2log.config_spec().schema),
    "nats2file": exported(nats2log.config_spec().schema),
}
FILES = [file for file in (ROOT / "conf").rglob("*_config.json") if file.stem.rpartition(".")[2][:-7] in SCHEMAS]


def schema_of(file):
    return SCHEMAS[file.stem.rpartition(".")[2].removesuffix("_config")]


def inputs(field):
    """What a browser posts if nothing is typed."""
    if field.kind in {"text", "number", "secret", "json", "choice"}:
        yield f"f:{field.pointer}", field.text
    for child in field.children:
        if field.kind == "map":
            yield f"k:{child.pointer}", child.name
        yield from inputs(child)


def leaves(field):
    if not field.children:
        yield field
    for child in field.children:
        yield from leaves(child)


def pages(schema, document):
    """The pointers of all forms of a file: the whole, and each item of a list with pages of its own."""
    yield ""
    for name, part in schema["properties"].items():
        if "entry" in part and (node := document.find(f"/{name}")):
            yield from (f"/{name}/{index}" for index in range(len(node.children)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_saving_without_an_edit_changes_nothing(file):
    """Byte for byte, on every page of every shipped and example config."""
    document, schema = Document.of(file.read_text("utf-8")), schema_of(file)
    for pointer in pages(schema, document):
        form = build(FormSource(schema, document), pointer)
        assert apply(document, schema, inputs(form)).text == document.text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_one_edit_changes_one_value(file):
    """Each text and number of each form in turn: only its bytes differ."""
    document, schema = Document.of(file.read_text("utf-8")), schema_of(file)
    for pointer in pages(schema, document):
        form = build(FormSource(schema, document), pointer)
        posted = dict(inputs(form))
        for field in leaves(form):
            node = document.find(field.pointer)
            if field.kind in {"text", "number", "secret"} and node is not None:
                changed = apply(document, schema, (posted | {f"f:{field.pointer}": "777"}).items()).text
                takes_numbers = field.kind == "number" or "integer" in subschema(schema, field.pointer).get("type", ())
                new = "777" if takes_numbers else '"777"'
                assert changed == document.text[: node.start] + new + document.text[node.end :]


@given(st.data())
def test_any_edits_together(data):
    """The posted values are in the file, and everything else has kept its value."""
    file = ROOT / "conf" / "gl_config.json"
    document, schema = Document.of(file.read_text("utf-8")), SCHEMAS["gl"]
    form = build(FormSource(schema, document), "/routers/4")
    texts = [leaf for leaf in leaves(form) if leaf.kind == "text" and leaf.is_present]
    edited = data.draw(
        st.dictionaries(st.sampled_from([leaf.pointer for leaf in texts]), st.text('aü"\\ /', min_size=1))
    )
    edited = {pointer: text for pointer, text in edited.items() if text.strip()}
    changed = apply(document, schema, (dict(inputs(form)) | {f"f:{p}": text for p, text in edited.items()}).items())
    expected = document.value()
    for pointer, text in edited.items():
        value = expected
        *above, last = pointer.split("/")[1:]
        for step in above:
            value = value[int(step)] if isinstance(value, list) else value[step]
        value[last] = text
    assert changed.value() == expected


SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"title": "Name", "type": "string", "minLength": 1},
        "port": {"title": "Port", "description": "D.", "type": "integer", "minimum": 1, "maximum": 9, "unit": "ms"},
        "ratio": {"title": "Ratio", "type": "number"},
        "on": {"title": "On", "type": "boolean", "default": True},
        "level": {"title": "Level", "type": "string", "enum": ["LOW", "HIGH"]},
        "free": {"title": "Free", "type": "object"},
        "endpoint": {"title": "Endpoint", "type": "string"},
        "hosts": {"title": "Hosts", "type": ["string", "array"], "items": {"type": "string"}},
        "workers": {"title": "Workers", "type": ["integer", "string"]},
        "list": {"title": "List", "type": "array", "items": {"title": "Word", "type": "string", "minLength": 1}},
        "headers": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "key": {"title": "Key", "type": "string", "format": "password"},
        "limits": {"title": "Limits", "type": "object", "properties": {"size": {"type": "integer", "default": 5}}},
        "routers": {
            "title": "Routers",
            "type": "array",
            "entry": {"noun": "router", "name": "path"},
            "items": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}},
        },
    },
}


def on_one_line(text):
    """An empty object is filled line by line."""
    text = re.sub(r"\s*\n\s*", " ", text)
    return re.sub(r"([{\[]) | (?=[}\]])", r"\1", text)


def changed(text, *pairs, op=""):
    return apply(Document.of(text), SCHEMA, pairs, op).text


@pytest.mark.parametrize(
    ("text", "pairs", "expected"),
    [
        ('{"port": 5}', [("f:/port", "6")], '{"port": 6}'),
        ('{"port": 5}', [("f:/port", "abc")], '{"port": "abc"}'),
        ('{"port": 5}', [("f:/port", "")], "{}"),
        ('{"port": 5}', [("f:/port", "${P}")], '{"port": ${P}}'),
        ('{"port": ${P}}', [("f:/port", "${P}")], '{"port": ${P}}'),
        ('{"port": 5.0}', [("f:/port", "5.0")], '{"port": 5.0}'),
        ('{"ratio": 1E1}', [("f:/ratio", "1E1"), ("f:/port", "")], '{"ratio": 1E1}'),
        ('{"ratio": 1}', [("f:/ratio", "0.25")], '{"ratio": 0.25}'),
        ("{}", [("f:/on", "false"), ("f:/level", '"HIGH"')], '{"on": false, "level": "HIGH"}'),
        ('{"on": true}', [("f:/on", "")], "{}"),
        ('{"on": $ON}', [("f:/on", "$ON")], '{"on": $ON}'),
        ('{"level": "low"}', [("f:/level", '"low"')], '{"level": "low"}'),
        ("{}", [("f:/endpoint", ""), ("f:/limits/size", "")], "{}"),
        ('{"endpoint": "/x"}', [("f:/endpoint", "")], '{"endpoint": ""}'),
        ('{"name": "x"}', [("f:/endpoint", "a\r\nb")], '{"name": "x", "endpoint": "a\\nb"}'),
        ("{}", [("f:/limits/size", "7")], '{"limits": {"size": 7}}'),
        ('{"free": {"a": [1]}}', [("f:/free", '{"a": [1]}')], '{"free": {"a": [1]}}'),
        ('{"free": {"a": 1}}', [("f:/free", '{"b": 2}')], '{"free": {"b": 2}}'),
        ('{"workers": "auto"}', [("f:/workers", "4")], '{"workers": 4}'),
        ('{"workers": 4}', [("f:/workers", "auto")], '{"workers": "auto"}'),
        ('{"workers": "auto"}', [("f:/workers", "auto")], '{"workers": "auto"}'),
        ('{"workers": 4}', [("f:/workers", "4")], '{"workers": 4}'),
        ('{"hosts": "a"}', [("f:/hosts", "b")], '{"hosts": "b"}'),
        ('{"hosts": ["a"]}', [("f:/hosts/0", "b")], '{"hosts": ["b"]}'),
        ('{"list": ["a", "b", "c"]}', [("f:/list/0", ""), ("f:/list/1", "x"), ("f:/list/2", " ")], '{"list": ["x"]}'),
        ('{"key": "s3cret"}', [("f:/key", "")], '{"key": "s3cret"}'),
        ('{"key": "s3cret"}', [("f:/key", "new")], '{"key": "new"}'),
        ('{"key": "${KEY}"}', [("f:/key", "${OTHER}")], '{"key": "${OTHER}"}'),
        ('{"headers": {"A": ["1"]}}', [("k:/headers/A", "B"), ("f:/headers/A/0", "2")], '{"headers": {"B": ["2"]}}'),
        ('{"headers": {"": [""]}}', [("k:/headers/", ""), ("f:/headers//0", "")], '{"headers": {}}'),
        ('{"headers": {"Api-Key": ["x"]}}', [("f:/headers/Api-Key/0", "")], '{"headers": {"Api-Key": ["x"]}}'),
    ],
)
def test_values(text, pairs, expected):
    assert on_one_line(changed(text, *pairs)) == expected


@pytest.mark.parametrize(
    ("text", "op", "expected"),
    [
        ('{"list": ["a"]}', "add:/list", '{"list": ["a", ""]}'),
        ("{}", "add:/list", '{"list": [""]}'),
        ("{}", "add:/headers", '{"headers": {"": [""]}}'),
        ('{"headers": {"": [""]}}', "add:/headers", '{"headers": {"": [""]}}'),
        ("{}", "add:/routers", '{"routers": [{"path": ""}]}'),
        ('{"list": ["a", "b"]}', "up:/list/1", '{"list": ["b", "a"]}'),
        ('{"list": ["a", "b"]}', "down:/list/0", '{"list": ["b", "a"]}'),
        ('{"list": ["a", "b"]}', "remove:/list/0", '{"list": ["b"]}'),
        ('{"routers": [{"path": "/a/"}]}', "copy:/routers/0", '{"routers": [{"path": "/a/"}, {"path": "/a/copy/"}]}'),
        ('{"name": "x"}', "save", '{"name": "x"}'),
    ],
)
def test_buttons(text, op, expected):
    assert on_one_line(changed(text, op=op)) == expected


def test_a_button_acts_on_what_was_typed():
    """Values are applied first, so that nothing is lost."""
    assert changed('{"list": ["a", "b"]}', ("f:/list/0", "x"), op="down:/list/0") == '{"list": ["b", "x"]}'


@pytest.mark.parametrize(
    ("pairs", "op"),
    [
        ([("f:/free", "{")], ""),
        ([("f:nonsense", "x")], ""),
        ([("f:/level", "nonsense")], ""),
        ([("k:/headers/A", "B")], ""),
        ([], "up:/list/0"),
        ([], "up:/list/x"),
        ([], "remove:/list/7"),
        ([], "remove:/unknown"),
        ([], "copy:/routers/0"),
    ],
)
def test_what_cannot_be_applied(pairs, op):
    with pytest.raises(FormError):
        changed('{"list": ["a"], "headers": {"A": [], "B": []}}', *pairs, op=op)


def test_fields_say_what_they_are():
    text = '{"port": "abc", "on": $ON, "key": "s3cret", "name": "${A|B} ${C}", "routers": [{"path": "/a/"}]}'
    found = (
        Finding(Severity.ERROR, "must be an integer", "/port"),
        Finding(Severity.WARNING, "must not be empty", "/routers/0/path", consequence="router /a/ is left out"),
        Finding(Severity.WARNING, "is not known and is ignored", "/unknown"),
        Finding(Severity.ERROR, "is not JSON", ""),
    )
    form = build(FormSource(SCHEMA, Document.of(text), found, {"B": "x"}.get))
    fields = {child.name: child for child in form.children}
    port, key, name, on, routers = (fields[one] for one in ("port", "key", "name", "on", "routers"))
    assert (port.kind, port.text, port.unit, port.minimum, port.state) == ("number", "abc", "ms", 1, "invalid")
    assert (key.kind, key.text, key.is_kept) == ("secret", "", True)
    assert [(one.shown, one.is_set) for one in name.references] == [("A or B", True), ("C", False)]
    assert [one.token for one in on.choices] == ["", "true", "false", "$ON"]
    assert on.choices[0].label == "default (yes)"
    assert (routers.kind, routers.state, routers.children[0].title) == ("links", "has rejected", "/a/")
    assert [one.pointer for one in form.findings] == ["/unknown", ""]
    assert fields["limits"].children[0].default == "5"


def test_secrets_are_masked():
    """Literals only, in marked fields, headers and URLs; the rest of the text stays."""
    text = json.dumps(
        {
            "key": "s3cret",
            "headers": {"Authorization": ["Bearer abc"], "X": ["plain"], "Api-Key": ["${KEY}"], "Token": ["regex:.+"]},
            "endpoint": "https://x/?key=${KEY}&api-key=abc",
            "name": "https://user:pw@host/",
            "hosts": "https://user:${PW}@host/",
        },
        indent=3,
    )
    document = Document.of(text)
    assert secrets_in(document, SCHEMA) == ["/key", "/headers/Authorization/0", "/endpoint", "/name"]
    hidden = masked(document, SCHEMA).text
    assert not [secret for secret in ("s3cret", "Bearer abc", "api-key=abc", "user:pw") if secret in hidden]
    assert "${PW}" in hidden


@pytest.mark.parametrize(
    ("pointer", "name"), [("/rest_api_writer/headers/Token", "X-Note"), ("/rest_api_writer/headers", "x")]
)
def test_a_name_that_would_show_a_secret_is_refused(pointer, name):
    """A secret is known by its place."""
    document = Document.of('{"rest_api_writer": {"headers": {"Token": ["hidden"], "X-A": ["b"]}}}')
    with pytest.raises(FormError, match="holds a secret"):
        apply(document, SCHEMAS["nats2log"], [(f"k:{pointer}", name)])
    free = apply(document, SCHEMAS["nats2log"], [("k:/rest_api_writer/headers/X-A", "X-B")])
    assert '"X-B"' in free.text
    other = apply(document, SCHEMAS["nats2log"], [("k:/rest_api_writer/headers/Token", "Api-Key")])
    assert '"Api-Key"' in other.text


HEADERS = "/rest_api_writer/headers"


@pytest.mark.parametrize(
    ("posted", "writes"),
    [
        ({}, False),
        ({"Token/0": ""}, False),  # the form does not show it: it is kept
        ({"Token/0": "hidden"}, True),  # the right guess is refused like any other
        ({"Token/0": "guess"}, True),
        ({"Token/0": "${TOKEN}"}, False),
        ({"Token/0": "regex:.+"}, False),
        ({"X-A/0": "hidden"}, False),  # where nothing is a secret, nothing is masked
        ({"X-A/0": "guess"}, False),
        ({"Api-Key/0": "guess"}, True),
        ({"Api-Key/0": "hidden"}, True),
    ],
)
def test_who_may_not_see_a_secret_writes_none(posted, writes):
    schema = SCHEMAS["nats2log"]
    before = Document.of('{"rest_api_writer": {"headers": {"Token": ["hidden"], "X-A": ["b"], "Api-Key": ["${A}"]}}}')
    fields = [(f"f:{HEADERS}/{name}", text) for name, text in posted.items()]
    assert writes_secret(before, apply(before, schema, fields), schema, fields) is writes
    assert writes_secret(before, Document.of('{"rest_api_writer": {"headers": {}}}'), schema) is False


@pytest.mark.parametrize("value", ["hidden", "guess"])
def test_a_guess_does_not_become_a_secret_by_another_name(value):
    schema = SCHEMAS["nats2log"]
    before = Document.of(json.dumps({"rest_api_writer": {"headers": {"Token": ["hidden"], "X-A": [value]}}}))
    fields = [(f"k:{HEADERS}/X-A", "Api-Key")]
    assert writes_secret(before, apply(before, schema, fields), schema, fields)
    assert writes_secret(Document.of("{}"), before, schema)
