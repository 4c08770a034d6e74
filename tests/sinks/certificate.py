"""A certificate for hooks.example.org, localhost and 127.0.0.1, with its key: it guards nothing."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBgTCCASagAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAxBdmFsb24g
dGVzdHMwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBcxFTATBgNV
BAMMDEF2YWxvbiB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLkLOjti
pkOkc26h0EdFZ7fCK+yMb9o1jbEYDzsdWfk/CJyTc04ZMj2+nzF4DWpbfMdcAkPX
IpFKJtdsk0E5WzCjYTBfMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFFa6cOtp
79XyTgA+mHAP+SQfw3CrMC0GA1UdEQQmMCSCEWhvb2tzLmV4YW1wbGUub3Jnggls
b2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDSQAwRgIhAN3YnxIeB5vj6i+rsAFj
Mzjd/mFFQ1Kt/K4Wrj107N2GAiEAoFQ79ezoaZhKVPDGBUBOWi/B9eRpx63ZK5wu
wsVpuc4=
-----END CERTIFICATE-----
"""

KEY = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFlYWF7jZf1gE7wPW4VAyHUOu0ItpnvfInPJga7yFHEFoAoGCCqGSM49
AwEHoUQDQgAEuQs6O2KmQ6RzbqHQR0Vnt8Ir7Ixv2jWNsRgPOx1Z+T8InJNzThky
Pb6fMXgNalt8x1wCQ9cikUom12yTQTlbMA==
-----END EC PRIVATE KEY-----
"""


def server_context(folder: Path) -> ssl.SSLContext:
    """For a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "key.pem").write_text(KEY)
    context.load_cert_chain(certificate_file(folder), folder / "key.pem")
    return context


def certificate_file(folder: Path) -> Path:
    """For SSL_CERT_FILE: who reads it trusts that server and no other."""
    file = folder / "certificate.pem"
    file.write_text(CERTIFICATE)
    return file
