"""SSL contexts, by real handshakes."""

import asyncio
import os
import ssl
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gecholog.tls import OutboundTls, ingress_context, outbound_context


@pytest.fixture
async def port(tls_files):
    """A TLS server that says hello."""

    async def serve(_, writer):
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    context = ingress_context(str(tls_files.certificate), str(tls_files.private_key))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def hello(port, context, name="localhost"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        return await reader.read()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("system_cert_pool", [True, False])
async def test_authorities(port, tls_files, system_cert_pool):
    """A certificate is believed if its authority is among the files, for the name that it is for."""
    tls = OutboundTls(system_cert_pool=system_cert_pool, cert_files=(str(tls_files.stranger), str(tls_files.authority)))
    context = outbound_context(tls)
    assert await hello(port, context) == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        await hello(port, context, "example.com")


@pytest.mark.parametrize("tls", [OutboundTls(), OutboundTls(system_cert_pool=False), OutboundTls.of({})])
async def test_strangers(port, tls):
    """Who is not known is not believed."""
    with pytest.raises(ssl.SSLCertVerificationError):
        await hello(port, outbound_context(tls))


async def test_another_authority(port, tls_files):
    """Believing one authority is not believing another."""
    with pytest.raises(ssl.SSLCertVerificationError):
        await hello(port, outbound_context(OutboundTls(cert_files=(str(tls_files.stranger),))))


async def test_insecure(port):
    """`insecure` believes everybody, whatever the name."""
    context = outbound_context(OutboundTls.of({"insecure": True}))
    assert await hello(port, context) == b"hello"
    assert await hello(port, context, "example.com") == b"hello"


async def test_renewal(port, tls_files):
    """A certificate that is loaded into the live context is shown to who comes next."""
    context = ingress_context(str(tls_files.certificate), str(tls_files.private_key))
    certificate, private_key = tls_files.issue("renewed")
    context.load_cert_chain(certificate, private_key)


def test_outbound_of():
    """What is not said in the section is off, as in the original."""
    section = {"insecure": False, "system_cert_pool": True, "cert_files": ["a", "b"]}
    assert OutboundTls.of(section) == OutboundTls(insecure=False, system_cert_pool=True, cert_files=("a", "b"))
    assert OutboundTls.of({}) == OutboundTls(insecure=False, system_cert_pool=False)


def test_files_that_are_not_usable(tls_files, tmp_path):
    """A file that is missing, is no certificate, or does not belong to the key, is an OSError."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for file in (tmp_path / "missing.pem", garbage, tmp_path):
        with pytest.raises(OSError, check=lambda error: error.errno or error.strerror):
            outbound_context(OutboundTls(cert_files=(str(file),)))
        with pytest.raises(OSError, check=lambda error: error.errno or error.strerror):
            ingress_context(str(file), str(tls_files.private_key))
    with pytest.raises(ssl.SSLError):
        ingress_context(str(tls_files.stranger), str(tls_files.private_key))


def test_a_key_with_a_password(tls_files, tmp_path):
    """A key that needs a password is refused; nobody is asked on the terminal."""
    locked = tmp_path / "locked.key"
    command = [
        "openssl",
        "rsa",
        "-aes256",
        "-passout",
        "pass:xyz",
        "-in",
        str(tls_files.private_key),
        "-out",
        str(locked),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl program")
    except subprocess.CalledProcessError:
        command[1] = "ec"
        subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ssl.SSLError):
        ingress_context(str(tls_files.certificate), str(locked))


def test_files_that_would_be_waited_for(tmp_path, tls_files):
    """OpenSSL opens files by itself; a FIFO in their place is found before."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="is a FIFO"):
        outbound_context(OutboundTls(cert_files=(str(fifo),)))
    for files in ((tls_files.certificate, fifo), (fifo, tls_files.private_key)):
        with pytest.raises(OSError, match="is a FIFO"):
            ingress_context(*map(str, files))


# ------------------------------------------- what the authorities of companies look like


def make_certificate(subject, issuer=None, *, authority=False):
    """A certificate without key identifiers, its basic constraints not critical; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signed_by = (name, key) if issuer is None else (issuer[0].subject, issuer[1])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signed_by[0])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(signed_by[1], hashes.SHA256()), key


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(params=["root", "intermediate"])
async def company(request, tmp_path):
    """A port with a certificate of a company's own authority, and the file with the authority that is given for it."""
    root = make_certificate("root", authority=True)
    issuer = root if request.param == "root" else make_certificate("intermediate", root, authority=True)
    leaf, key = make_certificate("leaf", issuer)
    (tmp_path / "authority.pem").write_bytes(pem(issuer[0]))
    (tmp_path / "leaf.pem").write_bytes(pem(leaf))
    no_password = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (tmp_path / "leaf.key").write_bytes(key.private_bytes(*form, no_password))

    async def serve(_, writer):
        writer.write(b"hello")
        writer.close()

    context = ingress_context(str(tmp_path / "leaf.pem"), str(tmp_path / "leaf.key"))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], str(tmp_path / "authority.pem")
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("system_cert_pool", [True, False])
@pytest.mark.parametrize("flags", [ssl.VERIFY_DEFAULT, ssl.VERIFY_X509_STRICT, ssl.VERIFY_X509_PARTIAL_CHAIN])
async def test_authorities_of_companies(company, monkeypatch, system_cert_pool, flags):
    """Believed with or without the system's authorities, whatever the version of Python sets by default."""
    default = ssl.create_default_context

    def another_version(*args, **options):
        context = default(*args, **options)
        context.verify_flags = flags
        return context

    monkeypatch.setattr(ssl, "create_default_context", another_version)
    port, authority = company
    context = outbound_context(OutboundTls(system_cert_pool=system_cert_pool, cert_files=(authority,)))
    assert await hello(port, context) == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        await hello(port, outbound_context(OutboundTls(system_cert_pool=system_cert_pool)))
