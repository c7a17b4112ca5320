"""A Postfix in a namespace of its own that sends by DANE or not at all, and whose certificate a TLSA record names."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import smtplib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.peers.network import OWN, Namespace
from tests.peers.postfix import Postfix

DOMAIN, HOST = "postfix.test", "mx.postfix.test"
# Its resolver's word that an answer was validated (AD) counts: that is what DANE stands upon.
_RESOLVER = f"nameserver {OWN}\noptions edns0 trust-ad\n"
_WITH_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


class DanePeer:
    """The third server; its records have to be in the DNS before it is asked for anything."""

    def __init__(self, authority: trustme.CA) -> None:
        self.place = Namespace(4)
        self._certificate = authority.issue_cert(HOST, key_type=trustme.KeyType.ECDSA)
        self.postfix: Postfix | None = None

    def records(self) -> list[str]:
        """What the DNS has of it."""
        leaf = x509.load_pem_x509_certificate(self._certificate.cert_chain_pems[0].bytes())
        key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return [
            f"{DOMAIN}. IN MX 10 {HOST}.",
            f"{HOST}. IN A {self.place.address}",
            f"_25._tcp.{HOST}. IN TLSA 3 1 1 {hashlib.sha256(key).hexdigest()}",
            f'{DOMAIN}. IN TXT "v=spf1 mx -all"',
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While it runs."""
        folder = Path(tempfile.mkdtemp(prefix="pillarbox-postfix-"))
        folder.chmod(0o755)  # the user postfix goes in and out
        (folder / "resolv.conf").write_text(_RESOLVER)
        mounts = ["unshare", "--mount", "sh", "-c", _WITH_RESOLVER, str(folder / "resolv.conf")]
        postfix = Postfix(folder, self.place.address, 25, [*self.place.enter, *mounts])
        postfix.configure(
            {
                "disable_dns_lookups": "no",
                "mynetworks": f"{OWN}/32",
                "smtp_dns_support_level": "dnssec",
                "smtp_tls_security_level": "dane-only",
                "smtp_tls_loglevel": "1",
                "smtp_host_lookup": "dns",
                "dnssec_probe": "",  # it would ask for the root, which is not here
                "smtpd_tls_security_level": "encrypt",
                "smtpd_tls_received_header": "yes",
                "smtpd_tls_chain_files": "$config_directory/certificate.pem",
            }
        )
        self._certificate.private_key_and_cert_chain_pem.write_to_path(postfix.config / "certificate.pem")
        postfix.run("start")
        self.postfix = postfix
        try:
            postfix.wait_ready()
            yield
        finally:
            postfix.run("stop")
            shutil.rmtree(folder)
            self.place.close()

    def send(self, to: str, subject: str) -> None:
        """Have it send a message of carl's."""
        with smtplib.SMTP(self.place.address, 25) as smtp:
            smtp.starttls()
            head = f"From: carl@{DOMAIN}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n"
            smtp.sendmail(f"carl@{DOMAIN}", [to], head.encode() + b"Hello.\r\n")

    def said_of(self, to: str) -> str | None:
        """What its log says became of mail for somebody."""
        assert self.postfix is not None
        lines = [line for line in self.postfix.log.splitlines() if f"to=<{to}>" in line and "status=" in line]
        return lines[-1] if lines else None

    @property
    def log(self) -> str:
        """What it has logged."""
        assert self.postfix is not None
        return self.postfix.log

    def received(self, subject: str) -> bytes | None:
        """A message that it has in a mailbox."""
        assert self.postfix is not None
        return next((data for data in self.postfix.received() if f"Subject: {subject}".encode() in data), None)
