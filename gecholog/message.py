"""What a processor is sent: the fields of one call, as a Request or a Response.

A message is a read-only mapping of field names to values. It is taken apart at once, and each field is decoded when it
is first asked for: a processor that looks at `gl_path` alone does not pay for the payload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import msgspec

from gecholog import rawjson
from gecholog.errors import FieldNotSent, WrongSide
from gecholog.rawjson import Raw

T = TypeVar("T")

Headers = dict[str, list[str]]
"""Canonical name (`Content-Type`) to the list of its values."""

_OF_A_RESPONSE = ("inbound_", "egress_")
_STRING_OR_WHITE = re.compile(r'("(?:[^"\\]|\\.)*+")|[ \t\r\n]+')


class Field(Generic[T]):
    """A property of a message: reads the field of its own name. Raises FieldNotSent."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc
        self._name = ""

    def __set_name__(self, owner: type[Message], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, message: None, owner: type[Message]) -> Field[T]: ...
    @overload
    def __get__(self, message: Message, owner: type[Message]) -> T: ...
    def __get__(self, message: Message | None, owner: type[Message]) -> Field[T] | T:
        if message is None:
            return self
        value: T = message[self._name]
        return value

    def __set__(self, message: Message, value: T) -> None:
        raise AttributeError(f"{self._name} is read-only: return the fields that you want to write")


class Message(Mapping[str, Any]):
    """The fields that one call shows to a processor: those that its entry in `gl_config.json` lets it see.

    `message["gl_path"]` and `message.gl_path` are the decoded value; `message.get("gl_path")` is None for a field that
    was not sent; `message.raw("ingress_payload")` is the value as the bytes that came. All of them raise nothing but
    FieldNotSent, a KeyError whose text names the field and the option that would send it.

        >>> message = Message.of(b'{"gl_path": "/openai/", "ingress_payload": {"model": "gpt"}}')
        >>> message.gl_path, message["ingress_payload"]["model"], "ingress_headers" in message
        ('/openai/', 'gpt', False)
    """

    __slots__ = ("_parts", "_values")

    def __init__(self, parts: Mapping[str, Raw]) -> None:
        """`parts` are the fields, each as the bytes of its JSON value. Most callers want `Message.of`."""
        self._parts = parts
        self._values: dict[str, Any] = {}

    @staticmethod
    def of(data: bytes) -> Request | Response:
        """The message that these bytes are. Raises NotJson if they are no JSON object.

        It is about a response if any of its fields is one that only responses have: `attempts`, or a name that begins
        with `inbound_` or `egress_`. Otherwise it is about a request.
        """
        parts = rawjson.split(data)
        is_response = any(name.startswith(_OF_A_RESPONSE) or name == "attempts" for name in parts)
        return Response(parts) if is_response else Request(parts)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            value = self._values[name] = rawjson.loads(self._part(name))
            return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    if not TYPE_CHECKING:  # type checkers know by themselves what there is, and would take anything for it

        def __getattr__(self, name: str) -> Any:
            for kind in (Request, Response):
                if isinstance(getattr(kind, name, None), Field):
                    raise WrongSide(name, kind.__name__.lower())
            raise AttributeError(f"{type(self).__name__} has no {name}", name=name, obj=self)

    def __repr__(self) -> str:
        """The names of the fields, never their values: it may end up in a log."""
        return f"{type(self).__name__}({', '.join(self._parts)})"

    def raw(self, name: str) -> Raw | None:
        """The JSON value of a field as the bytes that came, not decoded; None if it was not sent.

        A processor may write it back as it is: `{"outbound_payload": request.raw("ingress_payload")}`.
        """
        return self._parts.get(name)

    def _part(self, name: str) -> Raw:
        part = self._parts.get(name)
        if part is None:
            raise FieldNotSent(name)
        return part

    def _text(self, name: str) -> str:
        return _compact(self._part(name))

    gl_path = Field[str]("Path of the router, as `/service/standard/`; of a response: of the router that answered.")


class Request(Message):
    """The fields of a request: what came in (`ingress_…`), and what will be sent to the target (`outbound_…`).

    A property of a field that was not sent raises FieldNotSent (a KeyError).
    """

    __slots__ = ()

    ingress_method = Field[str]("HTTP method, as `POST`.")
    ingress_client = Field[str]("Address of the caller, as `192.0.2.7`.")
    ingress_subpath = Field[str]("The path behind the router's, percent-decoded, without a leading slash.")
    ingress_headers = Field[Headers]("Headers of the caller; masked ones have the one value `*****MASKED*****`.")
    ingress_query_parameters = Field[list[dict[str, Any]]]('The query: `[{"name": …, "details": [value, …]}]`.')
    ingress_payload = Field[Any](
        "The body: its JSON value. Text if it is no JSON, a summary (a dict) if it is no text."
    )
    outbound_subpath = Field[str]("As `ingress_subpath`, for the call to the target. May be written.")
    outbound_headers = Field[Headers]("As `ingress_headers`, for the call to the target. May be written.")
    outbound_query_parameters = Field[Any](
        "As `ingress_query_parameters`, for the call to the target. May be written. After the call (asynchronous "
        "processors) an object of name to values."
    )
    outbound_payload = Field[Any]("As `ingress_payload`, for the call to the target. May be written.")

    @property
    def text(self) -> str:
        """`ingress_payload` as JSON text without white space between tokens. Raises FieldNotSent."""
        return self._text("ingress_payload")


class Response(Message):
    """The fields of a response: what the target answered (`inbound_…`), what the caller gets (`egress_…`).

    A property of a field that was not sent raises FieldNotSent (a KeyError).
    """

    __slots__ = ()

    inbound_status_code = Field[int]("HTTP status of the target's answer.")
    inbound_headers = Field[Headers]("Headers of the target's answer.")
    inbound_payload = Field[Any](
        "Body of the target's answer: its JSON value. Text if it is no JSON; a stream is folded into one value."
    )
    egress_status_code = Field[int]("HTTP status that the caller gets. May be written.")
    egress_headers = Field[Headers]("Headers that the caller gets. May be written.")
    egress_payload = Field[Any]("Body that the caller gets. May be written.")
    transaction_id = Field[str]("The id of the call; sent to processors that name it in `input_fields_include`.")
    usage = Field[dict[str, Any]](
        'The token usage of the answer, as the record has it: `{"source", "prompt_tokens", "completion_tokens", …}`. '
        "Sent to processors that name it in `input_fields_include`; these get no payload that is too large for the bus."
    )
    attempts = Field[list[dict[str, Any]]](
        'The targets that were tried, in order: `[{"gl_path", "url", "status_code" or "error", "timer"}]`. Only in '
        "calls with `fallback_paths`, and only for an entry that names it in `input_fields_include`."
    )

    @property
    def text(self) -> str:
        """`inbound_payload` as JSON text without white space between tokens. Raises FieldNotSent."""
        return self._text("inbound_payload")


def _compact(data: Raw) -> str:
    """JSON as text without white space between tokens; numbers and strings stay as they were written."""
    try:
        return msgspec.json.format(data, indent=-1).decode("utf-8")
    except msgspec.MsgspecError:  # lone surrogates, as in rawjson
        return _STRING_OR_WHITE.sub(r"\1", data.decode("utf-8"))
