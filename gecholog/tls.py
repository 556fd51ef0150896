"""SSL contexts from the `tls` sections of config files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

from gecholog import regular_file


@dataclass(frozen=True, slots=True)
class OutboundTls:
    """Whom we believe when we call: `insecure` = everybody; else the system's authorities and those in `cert_files`."""

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


def outbound_context(tls: OutboundTls) -> ssl.SSLContext:
    """A context for calls to others. Raises OSError (ssl.SSLError among them) if a file is not usable."""
    if tls.insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # create_default_context without files would load the system's authorities
    context = ssl.create_default_context() if tls.system_cert_pool else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _verify_alike(context)
    for file in tls.cert_files:
        regular_file.check(file)  # OpenSSL would wait for the writer of a FIFO
        context.load_verify_locations(cafile=file)
    return context


def _verify_alike(context: ssl.SSLContext) -> None:
    """Make certificates count the same with every version of Python, and however the context was made.

    From Python 3.13 on `create_default_context` sets two flags. VERIFY_X509_STRICT refuses what RFC 5280 demands and
    authorities of companies often lack, such as key identifiers. VERIFY_X509_PARTIAL_CHAIN lets a certificate that was
    given as trusted end a chain although it is not a root. We never want the first, and always the second: that is what
    Go does.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def ingress_context(certificate_file: str, private_key_file: str) -> ssl.SSLContext:
    """A context for a server. Raises OSError (ssl.SSLError among them) if a file is not usable."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _verify_alike(context)
    context.set_alpn_protocols(["http/1.1"])
    for file in (certificate_file, private_key_file):
        regular_file.check(file)
    # with no password given OpenSSL would ask for one on the terminal, and wait
    context.load_cert_chain(certificate_file, private_key_file, password="")
    return context
