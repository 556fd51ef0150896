"""Messages to processors: the fields of one call, as a Request or a Response.

A message is a read-only mapping of field names to values. A field is decoded when it is first read, so a processor that
needs only `gl_path` does not pay for the payload.
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
"""Canonical name (`Content-Type`) → list of values."""

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
    """The fields of one call that a processor is sent: those that its entry in `gl_config.json` selects.

    `message["gl_path"]` and `message.gl_path` are the decoded value; `message.get("gl_path")` is None for a field that
    was not sent; `message.raw("ingress_payload")` is the value as the bytes that were received. The only error is
    FieldNotSent, a KeyError whose text names the field and the option that would send it.

        >>> message = Message.of(b'{"gl_path": "/openai/", "ingress_payload": {"model": "gpt"}}')
        >>> message.gl_path, message["ingress_payload"]["model"], "ingress_headers" in message
        ('/openai/', 'gpt', False)
    """

    __slots__ = ("_parts", "_values")

    def __init__(self, parts: Mapping[str, Raw]) -> None:
        """`parts` are the fields, each as the bytes of its JSON value. Most callers use `Message.of`."""
        self._parts = parts
        self._values: dict[str, Any] = {}

    @staticmethod
    def of(data: bytes) -> Request | Response:
        """Read a message from its bytes. Raises NotJson if they are not a JSON object.

        It is a Response if it has a field that only responses have: `attempts`, or a name that begins with `inbound_`
        or `egress_`. Otherwise it is a Request.
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

    if not TYPE_CHECKING:  # type checkers know the properties, and would accept any name because of this

        def __getattr__(self, name: str) -> Any:
            for kind in (Request, Response):
                if isinstance(getattr(kind, name, None), Field):
                    raise WrongSide(name, kind.__name__.lower())
            raise AttributeError(f"{type(self).__name__} has no {name}", name=name, obj=self)

    def __repr__(self) -> str:
        """The names of the fields, never their values, because it may be logged."""
        return f"{type(self).__name__}({', '.join(self._parts)})"

    def raw(self, name: str) -> Raw | None:
        """The JSON value of a field as the bytes that were received; None if it was not sent.

        A processor may return it unchanged: `{"outbound_payload": request.raw("ingress_payload")}`.
        """
        return self._parts.get(name)

    def _part(self, name: str) -> Raw:
        part = self._parts.get(name)
        if part is None:
            raise FieldNotSent(name)
        return part

    def _text(self, name: str) -> str:
        return _compact(self._part(name))

    gl_path = Field[str]("Path of the router, such as `/service/standard/`. In a response, the router that answered.")


class Request(Message):
    """The fields of a request, as received (`ingress_…`) and as it will be sent to the upstream (`outbound_…`).

    The property of a field that was not sent raises FieldNotSent (a KeyError).
    """

    __slots__ = ()

    ingress_method = Field[str]("HTTP method, such as `POST`.")
    ingress_client = Field[str]("Address of the client, such as `192.0.2.7`.")
    ingress_subpath = Field[str]("The path after that of the router, percent-decoded, without a leading slash.")
    ingress_headers = Field[Headers]("Headers of the client; masked ones have the single value `*****MASKED*****`.")
    ingress_query_parameters = Field[list[dict[str, Any]]]('The query: `[{"name": …, "details": [value, …]}]`.')
    ingress_payload = Field[Any](
        "The body: its JSON value. Text if it is not JSON, a summary (a dict) if it is not text."
    )
    outbound_subpath = Field[str]("As `ingress_subpath`, for the request to the upstream. May be written.")
    outbound_headers = Field[Headers]("As `ingress_headers`, for the request to the upstream. May be written.")
    outbound_query_parameters = Field[Any](
        "As `ingress_query_parameters`, for the request to the upstream. May be written. After the call "
        "(asynchronous processors) an object of name to values."
    )
    outbound_payload = Field[Any]("As `ingress_payload`, for the request to the upstream. May be written.")

    @property
    def text(self) -> str:
        """`ingress_payload` as JSON text without white space between tokens. Raises FieldNotSent."""
        return self._text("ingress_payload")


class Response(Message):
    """The fields of a response, as received from the upstream (`inbound_…`) and as the client gets it (`egress_…`).

    The property of a field that was not sent raises FieldNotSent (a KeyError).
    """

    __slots__ = ()

    inbound_status_code = Field[int]("HTTP status of the upstream's response.")
    inbound_headers = Field[Headers]("Headers of the upstream's response.")
    inbound_payload = Field[Any](
        "Body of the upstream's response: its JSON value. Text if it is not JSON; a stream is folded into one value."
    )
    egress_status_code = Field[int]("HTTP status that the client gets. May be written.")
    egress_headers = Field[Headers]("Headers that the client gets. May be written.")
    egress_payload = Field[Any]("Body that the client gets. May be written.")
    transaction_id = Field[str]("The id of the call; sent to processors that list it in `input_fields_include`.")
    usage = Field[dict[str, Any]](
        'The token usage of the response, as in the record: `{"source", "prompt_tokens", "completion_tokens", …}`. '
        "Sent to processors that list it in `input_fields_include`; these get no payload that is too large for the bus."
    )
    attempts = Field[list[dict[str, Any]]](
        'The upstreams that were tried, in order: `[{"gl_path", "url", "status_code" or "error", "timer"}]`. Only in '
        "calls with `fallback_paths`, and only for an entry that lists it in `input_fields_include`."
    )

    @property
    def text(self) -> str:
        """`inbound_payload` as JSON text without white space between tokens. Raises FieldNotSent."""
        return self._text("inbound_payload")


def _compact(data: Raw) -> str:
    """JSON text without white space between tokens; numbers and strings stay as they were written."""
    try:
        return msgspec.json.format(data, indent=-1).decode("utf-8")
    except msgspec.MsgspecError:  # lone surrogates, as in rawjson
        return _STRING_OR_WHITE.sub(r"\1", data.decode("utf-8"))
