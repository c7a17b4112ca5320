"""Which certificate a client is shown, what files are good for, and what a reload does (RFC 6066 §3, RFC 5929 §4)."""

import hashlib
import logging
import os
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from pillarbox.net.certificate import CertificateError, Source, end_point, load_certificate
from pillarbox.net.tls import HTTP, IMAP, POP3, ForeignProtocol, TlsContexts, TlsSettings, channel_binding, warn
from pillarbox.wire.tls.client_hello import ClientHello
from tests.support.certificate_files import CertificateFiles, hosts_of


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a connection in memory. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name)
    waiting = [theirs, ours]
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting
    return ours, theirs


def names(contexts: TlsContexts, server_name: str) -> tuple[str, ...]:
    return contexts.context(IMAP, server_name).certificate.names


def test_the_name_that_a_client_asks_for_decides(files: CertificateFiles) -> None:
    contexts = files.contexts(
        files.write("default.pem", "mail.example.org"),
        files.write("second.pem", "Mail.Example.net", "*.example.net", "deep.mail.example.org"),
    )
    for asked, shown in {
        "mail.example.org": "mail.example.org",
        "MAIL.EXAMPLE.NET": "mail.example.net",
        "mail.example.net.": "mail.example.net",  # as Outlook for Mac asks
        "imap.example.net": "mail.example.net",  # by the wildcard
        "deep.mail.example.org": "mail.example.net",
        "a.b.example.net": "mail.example.org",  # RFC 9525 §6.3: a wildcard is one label
        "example.net": "mail.example.org",
        "unknown.example": "mail.example.org",
        "": "mail.example.org",
        "\N{REPLACEMENT CHARACTER}..": "mail.example.org",
    }.items():
        assert names(contexts, asked)[0] == shown, asked


def test_a_certificate_for_the_very_name_comes_before_a_wildcard(files: CertificateFiles) -> None:
    wildcard, exact = files.write("a.pem", "*.example.org"), files.write("b.pem", "mail.example.org")
    assert names(files.contexts(wildcard, exact), "mail.example.org") == ("mail.example.org",)


def test_the_first_of_two_certificates_for_a_name_counts(files: CertificateFiles) -> None:
    one, other = files.write("a.pem", "mail.example.org", "one"), files.write("b.pem", "mail.example.org", "other")
    assert names(files.contexts(one, other), "mail.example.org") == ("mail.example.org", "one")


@pytest.mark.parametrize("protocol", [HTTP, IMAP, POP3])
def test_a_client_gets_the_protocol_if_it_names_it_or_none(files: CertificateFiles, protocol: str) -> None:
    contexts = files.contexts(files.write("a.pem", "localhost"))
    for offered in ([protocol], ["h9", protocol]):
        hello = ClientHello("localhost", tuple(name.encode() for name in offered))
        ours, theirs = shake_hands(contexts.choose(protocol, hello), files.client(*offered), "localhost")
        assert ours.selected_alpn_protocol() == theirs.selected_alpn_protocol() == protocol
    ours, _ = shake_hands(contexts.choose(protocol, ClientHello("localhost")), files.client(), "localhost")
    assert ours.selected_alpn_protocol() is None


def test_a_client_that_names_other_protocols_only_is_refused(files: CertificateFiles) -> None:
    contexts = files.contexts(files.write("a.pem", "localhost"))
    for offered in ((b"http/1.1", b"h2"), (b"IMAP",), ()):
        with pytest.raises(ForeignProtocol):
            contexts.choose(IMAP, ClientHello("localhost", offered))


def test_versions_before_1_2_and_ciphers_without_forward_secrecy_are_not_spoken(files: CertificateFiles) -> None:
    context = files.contexts(files.write("a.pem", "localhost")).context(IMAP)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    known = [cipher for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert known
    assert all(cipher["kea"].startswith("kx-ecdhe") and cipher["aead"] for cipher in known)
    old = files.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(context, old, "localhost")[0].version() == "TLSv1.2"
    new = files.contexts(files.write("a.pem", "localhost"), min_version="1.3").context(IMAP)
    with pytest.raises(ssl.SSLError):
        shake_hands(new, old, "localhost")


def test_no_session_can_be_resumed_when_tickets_are_off(files: CertificateFiles) -> None:
    path = files.write("a.pem", "localhost")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = files.client()
        client.minimum_version = client.maximum_version = version
        for tickets in (True, False):
            context = files.contexts(path, session_tickets=tickets).context(IMAP)
            ours, theirs = shake_hands(context, client, "localhost")
            ours.write(b"x")  # tickets of TLS 1.3 come behind the handshake
            theirs.read()
            session = theirs.session
            assert session is not None
            assert session.has_ticket == tickets


def test_chain_and_key_are_found_in_one_file_in_two_and_in_a_folder(files: CertificateFiles) -> None:
    folder = files.folder
    for chain, key in (("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key")):
        place = folder / chain.partition(".")[0]
        place.mkdir()
        files.write_apart(place / chain, place / key, "mail.example.org")
        for text in (str(place), f"{place / chain}:{place / key}"):
            found = load_certificate(Source.parse(text))
            assert found.names == ("mail.example.org",)
            assert found.source == Source(place / chain, place / key)
    one = files.write("one.pem", "mail.example.org")
    assert load_certificate(Source.parse(str(one))).source == Source(one, one)


def test_where_there_are_no_files_in_memory_one_on_the_disk_does(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.net.certificate._DESCRIPTORS", files.folder / "no proc")
    monkeypatch.setattr("tempfile.tempdir", str(files.folder))
    contexts = files.contexts(files.write("a.pem", "localhost"))
    assert shake_hands(contexts.context(IMAP), files.client(), "localhost")
    assert [path.name for path in files.folder.iterdir()] == ["a.pem"]


def test_what_is_wrong_with_files_is_said_by_their_names(files: CertificateFiles) -> None:
    folder = files.folder
    files.write_apart(folder / "chain", folder / "key", "mail.example.org")
    files.write_apart(folder / "chain2", folder / "key2", "mail.example.org")
    (folder / "junk").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    secret = serialization.load_pem_private_key((folder / "key").read_bytes(), None)
    assert isinstance(secret, ec.EllipticCurvePrivateKey)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "locked").write_bytes(secret.private_bytes(pem, form, serialization.BestAvailableEncryption(b"x")))
    for text, says in {
        f"{folder}/none:{folder}/key": "none: cannot be read: No such file",
        f"{folder}/chain:{folder}/none": "none: cannot be read: No such file",
        f"{folder}": "fullchain.pem: cannot be read",
        f"{folder}/junk:{folder}/key": "junk: there is no usable certificate in PEM",
        f"{folder}/key": "key: there is no usable certificate in PEM",
        f"{folder}/chain": "chain: there is no private key in PEM",
        f"{folder}/chain:{folder}/key2": f"key2: the private key does not belong to the certificate in {folder}/chain",
        f"{folder}/chain:{folder}/locked": "locked: the private key is under a password",
    }.items():
        with pytest.raises(CertificateError) as raised:
            TlsContexts(TlsSettings(certificates=(text,)))
        assert says in str(raised.value)
    with pytest.raises(CertificateError, match=r"tls\.certificates names none"):
        TlsContexts(TlsSettings())


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_key_that_we_may_not_read_is_named(files: CertificateFiles) -> None:
    path = files.write("a.pem", "mail.example.org")
    path.chmod(0)
    with pytest.raises(CertificateError, match=r"a\.pem: cannot be read: Permission denied"):
        files.contexts(path)


def test_a_new_file_is_taken_on_and_the_others_are_left_alone(files: CertificateFiles) -> None:
    one, other = files.write("a.pem", "one.example.org"), files.write("b.pem", "other.example.org")
    contexts = files.contexts(one, other)
    before = contexts.context(IMAP, "one.example.org"), contexts.context(IMAP, "other.example.org")
    contexts.reload()
    assert (contexts.context(IMAP, "one.example.org"), contexts.context(IMAP, "other.example.org")) == before
    files.write("b.pem", "other.example.org", "new.example.org")
    contexts.reload()
    assert contexts.context(IMAP, "one.example.org") is before[0]
    assert names(contexts, "new.example.org") == ("other.example.org", "new.example.org")
    _, theirs = shake_hands(contexts.context(IMAP, "new.example.org"), files.client(), "new.example.org")
    assert "new.example.org" in hosts_of(theirs)


def test_a_bad_new_file_is_told_once_and_the_old_certificate_stays(
    files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    path = files.write("a.pem", "localhost")
    contexts = files.contexts(path)
    before = contexts.context(IMAP)
    path.write_text("junk")
    for _ in range(2):
        contexts.reload()
        assert contexts.context(IMAP) is before
    path.unlink()
    contexts.reload()
    events = [record.__dict__["event"] for record in caplog.records]
    assert events == ["tls.refused", "tls.refused"]
    assert shake_hands(contexts.context(IMAP), files.client(), "localhost")
    files.write("a.pem", "localhost", "new.example.org")
    contexts.reload()
    assert names(contexts, "new.example.org") == ("localhost", "new.example.org")


def test_certificates_that_clients_do_not_believe_are_warned_of(
    files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    days = {"gone.pem": -3, "soon.pem": 5, "fine.pem": 90}
    paths = [files.write(name, name, not_after=now + timedelta(days=n, hours=1)) for name, n in days.items()]
    contexts = files.contexts(*paths)
    with caplog.at_level(logging.INFO):
        warn(contexts.certificates, now)
    told = [(record.__dict__["event"], record.__dict__["values"]) for record in caplog.records]
    gone = {"certificate": "gone.pem", "since": f"{now - timedelta(days=3, hours=-1):%Y-%m-%d}"}
    assert told == [("tls.expired", gone), ("tls.expires", {"certificate": "soon.pem", "days": 5})]
    caplog.clear()
    warn(contexts.certificates[2:], now - timedelta(days=40_000))
    assert [record.__dict__["event"] for record in caplog.records] == ["tls.early"]


def self_signed(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, how: object
) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]), datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return built.sign(key, how)  # type: ignore[arg-type]


def test_the_channel_binding_is_the_hash_that_the_certificate_was_signed_with() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    der = serialization.Encoding.DER
    for how, name in ((hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")):
        made = self_signed(curve, how)
        assert end_point(made) == hashlib.new(name, made.public_bytes(der)).digest()
    assert end_point(self_signed(ed25519.Ed25519PrivateKey.generate(), None)) is None


def test_a_connection_tells_what_it_is_bound_to(files: CertificateFiles) -> None:
    contexts = files.contexts(files.write("a.pem", "localhost"), files.write("b.pem", "b.example.org"))
    for asked in ("localhost", "b.example.org"):
        ours, theirs = shake_hands(contexts.context(IMAP, asked), files.client(), asked)
        assert channel_binding(ours) == hashlib.sha256(theirs.getpeercert(binary_form=True) or b"").digest()
        assert channel_binding(theirs) is None
    assert channel_binding(None) is None
