"""What a client logs in to the bus with: a token, user and password, an NKey, or a credentials file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gecholog import regular_file
from gecholog.errors import BusRefused
from gecholog.nkey import NKey, UserCredentials

T = TypeVar("T")

_OWNER = "appliance"  # on the bus of an appliance that has users, the one whose password is the token


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of one client. Empty fields are absent.

    A user without a password has the token as its password, and a token without a user is that of `appliance`. The
    token is sent as well: so a client can stay as it is when its server changes from a token to users. `nkey_file`
    holds the seed of an NKey, `credentials_file` what `nsc generate creds` writes. Both are read at each connection, so
    that they may be replaced.
    """

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    nkey_file: str = ""
    credentials_file: str = ""

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Credentials:
        """From a `service_bus` section."""
        names = ("token", "user", "password", "nkey_file", "credentials_file")
        return cls(*(section.get(name, "") for name in names))

    @property
    def is_empty(self) -> bool:
        return self == Credentials()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be seen in any log."""
        return tuple(filter(None, (self.token, self.password)))

    def connect_fields(self, nonce: str) -> dict[str, str]:
        """The fields of a CONNECT message; `nonce` is that of the server. Raises BusRefused."""
        try:
            if self.credentials_file:
                credentials = _read(self.credentials_file, UserCredentials.parse)
                return {"jwt": credentials.jwt, "sig": _signed(credentials.key, nonce)}
            if self.nkey_file:
                key = _read(self.nkey_file, NKey.parse)
                return {"nkey": key.public, "sig": _signed(key, nonce)}
        except ValueError as error:
            raise BusRefused(f"{self} cannot be used: the file {error}") from None
        fields = {"auth_token": self.token}
        user = self.user or (_OWNER if self.token else "")
        return fields | ({"user": user, "pass": self.password or self.token} if user else {})

    def problems(self) -> Iterator[tuple[str, str]]:
        """The fields whose files cannot be used, and why, as the end of a sentence that begins with the file."""
        parsers: dict[str, Callable[[str], object]] = {
            "nkey_file": NKey.parse,
            "credentials_file": UserCredentials.parse,
        }
        for name, parse in parsers.items():
            if file := getattr(self, name):
                try:
                    _read(file, parse)
                except ValueError as error:
                    yield name, str(error)

    def __str__(self) -> str:
        """What a log line calls them, with the names of the fields and variables that they mostly come from."""
        if self.credentials_file:
            return f"the credentials in {self.credentials_file}"
        if self.nkey_file:
            return f"the NKey in {self.nkey_file}"
        if self.user:
            return f"user {self.user} (service_bus.user, NATS_USER) or its password"
        return "the token (service_bus.token, NATS_TOKEN)"


def _signed(key: NKey, nonce: str) -> str:
    if not nonce:
        raise BusRefused("the bus does not ask for an NKey: its config has neither NKeys nor an operator")
    return key.sign(nonce)


def _read(file: str, parse: Callable[[str], T]) -> T:
    """What a file holds. Raises ValueError, as the end of a sentence that begins with the file."""
    try:
        return parse(regular_file.read_text(file, "ascii"))
    except UnicodeDecodeError:
        raise ValueError("is not ASCII") from None
    except OSError as error:
        raise ValueError(regular_file.reason(error)) from None
