"""What a `service_bus` section of a config file must be, beside what its schema says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gecholog import regular_file
from gecholog.bus_address import named_servers
from gecholog.credentials import Credentials
from gecholog.schema import Violation
from gecholog.server_address import ServerAddress
from gecholog.tls import BusTls, bus_context, failure

_SECTION = "service_bus"
_ADDRESS = "must be host:port with a port from 1 to 65535, or nats:// or tls:// before it, and without credentials"
_PORT = re.compile(r":[1-9][0-9]*$")
_EMPTY = "must not be empty, and must be ASCII without control characters"
_OTHER_CREDENTIALS = "(or give user and password, nkey_file, credentials_file, or a client certificate in tls)"


def rules(values: Mapping[str, Any]) -> Iterator[Violation]:
    """What is wrong with the addresses, the credentials and the files of the section."""
    section = values.get(_SECTION)
    if section is None:
        return  # the schema says that it is missing
    if "hostname" in section:
        yield from _servers(section)
    yield from _credentials(section)
    yield from _tls(section.get("tls", {}))


def _servers(section: Mapping[str, Any]) -> Iterator[Violation]:
    for index, text in named_servers(section):
        if not _is_address(text):
            yield (_SECTION, "hostname") if index is None else (_SECTION, "hostname", index), _ADDRESS


def _is_address(text: str) -> bool:
    try:
        ServerAddress.parse(text)
    except ValueError:
        return False
    return "://" in text or _PORT.search(text) is not None


def _credentials(section: Mapping[str, Any]) -> Iterator[Violation]:
    credentials = Credentials.of_section(section)
    for name, problem in credentials.problems():
        yield (_SECTION, name), f"must be a file that can be used; it {problem}"
    if credentials.password and not credentials.user:
        yield (_SECTION, "user"), "is missing, and there is a password"
    named = credentials.token or credentials.password or credentials.nkey_file or credentials.credentials_file
    if not named and not section.get("tls", {}).get("certificate_file"):
        yield (_SECTION, "token"), _EMPTY if "token" in section else f"is missing {_OTHER_CREDENTIALS}"


def _tls(section: Mapping[str, Any]) -> Iterator[Violation]:
    tls = BusTls.of(section)
    unusable = [(path, reason) for path, file in tls.files.items() if (reason := regular_file.why_not(file))]
    for path, reason in unusable:
        yield (_SECTION, "tls", *path), f"must be a file that exists; it {reason}"
    if bool(tls.certificate_file) != bool(tls.private_key_file):
        missing = "private_key_file" if tls.certificate_file else "certificate_file"
        yield (_SECTION, "tls", missing), "is missing: a certificate and its key belong together"
    elif section and not unusable:
        yield from _context(tls)


def _context(tls: BusTls) -> Iterator[Violation]:
    try:
        bus_context(tls)
    except OSError as error:
        yield (_SECTION, "tls"), f"has files that cannot be used: {failure(error)}"
