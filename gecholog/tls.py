"""SSL contexts from the `tls` sections of config files."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gecholog import regular_file


@dataclass(frozen=True, slots=True)
class OutboundTls:
    """The trusted certificates: all if `insecure`, otherwise those of the system's authorities and of `cert_files`."""

    insecure: bool = False
    system_cert_pool: bool = True
    cert_files: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: dict[str, Any]) -> OutboundTls:
        return cls(
            insecure=values.get("insecure", False),
            system_cert_pool=values.get("system_cert_pool", False),
            cert_files=tuple(values.get("cert_files", ())),
        )


@dataclass(frozen=True, slots=True)
class BusTls:
    """TLS of a connection to the bus.

    The two files are the client certificate, if the bus asks for one. `server_name` is the name in the certificate of
    the bus, empty if that is its host. With `handshake_first`, TLS begins before the server sends its INFO.
    """

    outbound: OutboundTls = field(default_factory=OutboundTls)
    certificate_file: str = ""
    private_key_file: str = ""
    server_name: str = ""
    handshake_first: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> BusTls:
        """Read a `service_bus.tls` section. The system's authorities are trusted unless others are named."""
        cert_files = tuple(values.get("cert_files", ()))
        return cls(
            OutboundTls(values.get("insecure", False), values.get("system_cert_pool", not cert_files), cert_files),
            certificate_file=values.get("certificate_file", ""),
            private_key_file=values.get("private_key_file", ""),
            server_name=values.get("server_name", ""),
            handshake_first=values.get("handshake_first", False),
        )

    @property
    def files(self) -> dict[tuple[str | int, ...], str]:
        """The files, by their paths in the section: `("cert_files", 0)`, `("certificate_file",)`."""
        named: dict[tuple[str | int, ...], str] = {
            ("cert_files", index): file for index, file in enumerate(self.outbound.cert_files)
        }
        own = {"certificate_file": self.certificate_file, "private_key_file": self.private_key_file}
        return named | {(name,): file for name, file in own.items() if file}


def bus_context(tls: BusTls) -> ssl.SSLContext:
    """A context for connections to the bus. Raises OSError (or its subclass ssl.SSLError) if a file is not usable."""
    context = outbound_context(tls.outbound)
    if tls.certificate_file:
        _load_certificate(context, tls.certificate_file, tls.private_key_file)
    return context


def failure(error: OSError) -> str:
    """Why certificates cannot be used, or are not trusted, in OpenSSL's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or str(error)


def outbound_context(tls: OutboundTls) -> ssl.SSLContext:
    """A context for outbound calls. Raises OSError (or its subclass ssl.SSLError) if a file is not usable."""
    if tls.insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # create_default_context without files would load the system's authorities
    context = ssl.create_default_context() if tls.system_cert_pool else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _verify_alike(context)
    for file in tls.cert_files:
        regular_file.check(file)  # OpenSSL would wait for a writer if it is a FIFO
        context.load_verify_locations(cafile=file)
    return context


def _verify_alike(context: ssl.SSLContext) -> None:
    """Verify certificates alike with every version of Python, and however the context was made.

    From Python 3.13 on, `create_default_context` sets two flags. VERIFY_X509_STRICT refuses certificates without all
    that RFC 5280 demands, such as key identifiers, which authorities of companies often lack. VERIFY_X509_PARTIAL_CHAIN
    lets a trusted certificate end a chain although it is not a root. We never set the first, and always the second, as
    Go does.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def ingress_context(certificate_file: str, private_key_file: str) -> ssl.SSLContext:
    """A context for a server. Raises OSError (or its subclass ssl.SSLError) if a file is not usable."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _verify_alike(context)
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, certificate_file, private_key_file)
    return context


def _load_certificate(context: ssl.SSLContext, certificate_file: str, private_key_file: str) -> None:
    for file in (certificate_file, private_key_file):
        regular_file.check(file)
    # without a password, OpenSSL would ask for one on the terminal and wait
    context.load_cert_chain(certificate_file, private_key_file, password="")
