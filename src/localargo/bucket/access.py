"""Who may speak to SeaweedFS: by S3 whoever has its keys; in every other way only the processes that this engine starts.

Without this any process of the machine, and any web page by a plain form, could write an object and so start a training, or remove the
bucket's data: SeaweedFS's own HTTP interfaces ask nobody who they are.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localargo.errors import Unavailable

SERVERS = ("MASTER", "VOLUME", "FILER", "S3", "ADMIN")
SIGNED = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
VALID = timedelta(days=3650)
CLOCK_SKEW = timedelta(days=1)

# neither the filer's nor the master's HTTP interface: S3 reaches them by gRPC
OPTIONS = ("-disableHttp",)


def for_server(folder: Path) -> dict[str, str]:
    """The variables of a server to start: new signing keys, and a new certificate in `folder` that its gRPC peers must show."""
    _certify(folder)
    signing = {f"WEED_JWT_{name}_KEY": secrets.token_urlsafe(32) for name in SIGNED}
    return signing | _shown(folder, (*SERVERS, "CLIENT"))


def for_client(folder: Path) -> dict[str, str]:
    """The variables of a program that reads from the server; none where a server of an earlier release asks for no certificate."""
    return _shown(folder, ("CLIENT",)) if _certificate(folder).exists() else {}


def _certificate(folder: Path) -> Path:
    return folder / "grpc.crt"


def _shown(folder: Path, roles: tuple[str, ...]) -> dict[str, str]:
    certificate, key = str(_certificate(folder)), str(folder / "grpc.key")
    shown = {"WEED_GRPC_CA": certificate}
    for role in roles:
        shown |= {f"WEED_GRPC_{role}_CERT": certificate, f"WEED_GRPC_{role}_KEY": key}
    return shown


def _certify(folder: Path) -> None:
    """Write a key, and a certificate that it signs itself: who trusts this one certificate trusts its holders alone."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ModuleNotFoundError:
        raise Unavailable("the package `cryptography` is not installed: `pip install cryptography`") from None

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seaweedfs")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder / "grpc.key", secret)
    _write(_certificate(folder), certificate.public_bytes(pem))


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
