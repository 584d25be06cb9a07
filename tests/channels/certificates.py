"""Certificates for servers on loopback, made for one run of the tests."""

import subprocess
from pathlib import Path


def self_signed(folder: Path, name: str = "IP:127.0.0.1") -> tuple[Path, Path]:
    """(certificate, key) of a server that is its own authority."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=stand-in"
    where = ["-addext", f"subjectAltName={name}", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run([*command.split(), *where], check=True, capture_output=True)
    return certificate, key
