"""What servers are given that take seven bits only."""

import pytest

from pillarbox.core.dns import Mx
from pillarbox.formats.report.dsn import parse_dsn
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import Depot

HEAD = b"From: alice@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
EIGHT = HEAD + "\r\nGrüße aus Köln, wo es heute regnet.\r\n".encode()
SEVEN = (
    HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe aus K=C3=B6ln, wo es heute regnet.\r\n"
)


def sign(_view: object, data: bytes, _sender: str) -> bytes:
    return b"Signed: %d octets\r\n" % len(data)


@pytest.mark.parametrize("chunked", [(), ("CHUNKING",)])
@pytest.mark.parametrize(("eight", "sent"), [(("8BITMIME",), EIGHT), ((), SEVEN)])
def test_a_server_gets_what_it_can_take_and_it_is_signed_in_that_form(
    depot: Depot, eight: tuple[str, ...], sent: bytes, chunked: tuple[str, ...]
) -> None:
    depot.sign = sign
    depot.put("bob@two.test", data=EIGHT)

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=("PIPELINING", *eight, *chunked))) as sink:
            await depot.send(sink.port)
        assert sink.taken[0].data == b"Signed: %d octets\r\n" % len(sent) + sent
        assert ("BODY=8BITMIME" in sink.taken[0].lines[0]) is bool(eight)

    depot.run(body)


def test_each_server_of_a_domain_gets_its_own_form(depot: Depot) -> None:
    depot.table.answers = {
        "two.test MX": [Mx(10, "old.two.test"), Mx(20, "new.two.test")],
        "old.two.test A": ["127.0.0.1"],
        "new.two.test A": ["127.0.0.2"],
    }
    depot.table.names = {"two.test", "old.two.test", "new.two.test"}
    depot.put("bob@two.test", data=EIGHT)

    async def body(depot: Depot) -> None:
        old, new = Sink(keywords=(), says={"RCPT": b"451 busy\r\n"}), Sink()
        async with serving(old), serving(new, "127.0.0.2"):
            pass
        new.port = old.port
        async with serving(old), serving(new, "127.0.0.2"):
            await depot.send(old.port)
        assert [taken.data for taken in new.taken] == [EIGHT]

    depot.run(body)


def test_what_is_signed_by_its_author_is_returned_and_not_changed(depot: Depot) -> None:
    data = HEAD.replace(b"text/plain; charset=utf-8", b'multipart/signed; boundary="b"') + (
        b"\r\n--b\r\n\r\ncaf\xc3\xa9\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
    )
    depot.put("bob@two.test", data=data)

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=())) as sink:
            await depot.send(sink.port)
        assert sink.taken == []
        (report,) = (parse_dsn(octets) for octets in depot.inbox())
        assert report is not None
        assert report.recipients[0].status == "5.6.3"

    depot.run(body)


def test_binary_parts_are_encoded_for_everybody(depot: Depot) -> None:
    head = HEAD.replace(b"text/plain; charset=utf-8", b"application/x-data")
    depot.put("bob@two.test", data=head + b"Content-Transfer-Encoding: binary\r\n\r\n\x00\n.\r\x01")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=("8BITMIME", "CHUNKING", "BINARYMIME"))) as sink:
            await depot.send(sink.port)
        assert sink.taken[0].data == head + b"Content-Transfer-Encoding: base64\r\n\r\nAAouDQE=\r\n"

    depot.run(body)
