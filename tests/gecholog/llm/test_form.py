"""The field `model` of an upload."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.form import model_in_form, with_model_in_form

TYPE = "multipart/form-data; boundary=kit"
FILE = (
    b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    b'RIFF\x00\xff\r\n"model": name="model"\r\n\r\nno-model'
)


def form(*parts, boundary=b"kit"):
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def field(name, value):
    return b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (name, value)


@given(st.text("ab/-:.", max_size=9), st.text("ab/-:.", max_size=9), st.permutations([0, 1, 2]))
def test_only_the_value_changes(old, new, order):
    """Wherever the field is; what is in the file is not looked at."""

    def made(value):
        parts = [FILE, field(b"model", value.encode()), field(b"language", b"en")]
        return form(*(parts[index] for index in order))

    assert model_in_form(made(old), TYPE) == old
    assert with_model_in_form(made(old), TYPE, new) == made(new)


@pytest.mark.parametrize(
    "head", [b"CONTENT-DISPOSITION: form-data; name=model", b'Content-Disposition:form-data;name="model"']
)
def test_ways_to_write_the_name(head):
    """Headers and parameters as clients write them."""
    assert model_in_form(form(head + b"\r\n\r\nm"), 'Multipart/Form-Data; charset=x; boundary="kit"') == "m"


@pytest.mark.parametrize(
    ("body", "content_type", "found"),
    [
        (form(FILE), TYPE, ""),
        (form(field(b"models", b"m")), TYPE, ""),
        (form(field(b"model", b"m"), field(b"model", b"other")), TYPE, ""),
        (form(FILE.replace(b"a.wav", b'a; name="model"'), field(b"model", b"m")), TYPE, ""),
        (b"preamble\r\n" + form(field(b"model", b"m")), TYPE, "m"),
        (b"", TYPE, ""),
        (form(field(b"model", b"m")), "multipart/form-data", None),
        (form(field(b"model", b"m")), "application/json", None),
        (form(field(b"model", b"m"))[:-9], TYPE, ""),
    ],
)
def test_forms_without_a_model(body, content_type, found):
    """Empty where the field is missing or comes twice, None for what is no form."""
    assert model_in_form(body, content_type) == found


@given(
    st.lists(st.sampled_from([b"--kit", b"\r\n", b"--", b'Content-Disposition: form-data; name="model"', b"x"])).map(
        b"".join
    )
)
def test_any_bytes(body):
    """Nothing raises, and nothing is lost but the value."""
    found = model_in_form(body, TYPE)
    changed = with_model_in_form(body, TYPE, found or "")
    assert len(changed) <= len(body)
