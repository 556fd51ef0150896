"""The rules for certificate and key files in gl_config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog import regular_file
from gecholog.tls import OutboundTls, ingress_context, outbound_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.schema import Violation


def ingress_files(values: dict[str, Any]) -> Iterator[Violation]:
    ingress = values.get("tls", {}).get("ingress", {})
    if ingress.get("enabled"):
        for name in ("certificate_file", "private_key_file"):
            if reason := _unreadable(ingress.get(name, "")):
                yield ("tls", "ingress", name), f"must be a readable file, because TLS is enabled; it {reason}"


def outbound_files(values: dict[str, Any]) -> Iterator[Violation]:
    files = values.get("tls", {}).get("outbound", {}).get("cert_files", [])
    for index, name in enumerate(files):
        if reason := _unreadable(name):
            yield ("tls", "outbound", "cert_files", index), f"must be a readable file; it {reason}"


def certificates(values: dict[str, Any]) -> Iterator[Violation]:
    """PEM files (RFC 7468) must be usable. Other formats are checked only when the config is put in force."""
    tls = values.get("tls", {})
    ingress = tls.get("ingress", {})
    files = (ingress.get("certificate_file", ""), ingress.get("private_key_file", ""))
    if ingress.get("enabled") and all(map(_says_pem, files)):
        try:
            ingress_context(*files)
        except OSError as error:
            yield ("tls", "ingress"), unusable(error)
    for index, name in enumerate(tls.get("outbound", {}).get("cert_files", [])):
        if _says_pem(name):
            try:
                outbound_context(OutboundTls(system_cert_pool=False, cert_files=(name,)))
            except OSError as error:
                yield ("tls", "outbound", "cert_files", index), unusable(error)


def _says_pem(name: str) -> bool:
    try:
        return b"-----BEGIN " in regular_file.read_bytes(name)
    except OSError:
        return False


def _unreadable(name: str) -> str:
    """Why a file cannot be read; empty if it can."""
    return regular_file.why_not(name) if name else "is not set"


def unusable(error: OSError) -> str:
    return f"cannot be used: {getattr(error, 'reason', None) or error.strerror or type(error).__name__}"
