import pytest

from pillarbox.wire.imap_client.conversation import Conversation, Literal, astring
from pillarbox.wire.imap_client.response import Bounds, Response
from pillarbox.wire.imap_client.value import ResponseError
from pillarbox.wire.reader import EndOfInput


def read(octets: bytes, bounds: Bounds | None = None) -> list[Response]:
    talk = Conversation(bounds)
    talk.receive_data(octets)
    out = []
    while (response := talk.next_response()) is not None:
        out.append(response)
    return out


def test_a_message_comes_with_its_literal() -> None:
    (response,) = read(b'* 12 FETCH (UID 5 FLAGS (\\Seen $X) BODY[] {5}\r\na\r\n")  INTERNALDATE " 1-Jan-2024")\r\n')
    assert (response.name, response.number) == ("FETCH", 12)
    assert response.values == [
        ["UID", "5", "FLAGS", ["\\Seen", "$X"], "BODY[]", b'a\r\n")', "INTERNALDATE", b" 1-Jan-2024"]
    ]


def test_brackets_keep_an_atom_together() -> None:
    (response,) = read(b"* 1 FETCH (BODY[HEADER.FIELDS (DATE TO)]<0> NIL [Gmail]/All X[ nil)\r\n")
    assert response.values == [["BODY[HEADER.FIELDS (DATE TO)]<0>", None, "[Gmail]/All", "X[", None]]


def test_a_status_has_a_code_and_a_text_that_may_look_like_a_literal() -> None:
    first, second, third = read(
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready {12}\r\nP1 no [THROTTLED] wait\r\n* BAD [odd ((] what\r\n"
    )
    assert (first.code, first.values, first.text) == ("CAPABILITY", ["IMAP4rev1", "AUTH=PLAIN"], "ready {12}")
    assert (second.tag, second.name, second.code, second.is_end) == ("P1", "NO", "THROTTLED", True)
    assert (third.code, third.values) == ("ODD", [])


def test_quoted_strings_and_octets_survive() -> None:
    (response,) = read(b'* LIST (\\Sent) "\\\\" "a \\"b\\" \xc3\xbc"\r\n')
    assert response.values == [["\\Sent"], b"\\", b'a "b" \xc3\xbc']


@pytest.mark.parametrize(
    "octets",
    [
        b"* 1 FETCH (UID 1\r\n",
        b"* 1 FETCH UID 1)\r\n",
        b"* 1 FETCH " + b"(" * 60 + b")" * 60 + b"\r\n",
        b'* LIST () "/" "open\r\n',
        b"what is this\r\n",
        b"* 1 FETCH (BODY[] {9999}\r\n",
        b"* " + b"x" * 2000,
        b"* 1 FETCH (" + b"A {0}\r\n" * 20 + b")\r\n",
    ],
)
def test_what_is_no_response_or_too_large_is_refused(octets: bytes) -> None:
    with pytest.raises(ResponseError):
        read(octets, Bounds(line=1000, literal=5000, literals=10))


def test_the_end_of_the_input_within_a_literal_is_told() -> None:
    talk = Conversation()
    talk.receive_data(b"* 1 FETCH (BODY[] {10}\r\nabc")
    assert talk.next_response() is None
    talk.receive_data(b"")
    with pytest.raises(EndOfInput):
        talk.next_response()


def test_a_literal_goes_only_when_the_server_asks_for_it() -> None:
    talk = Conversation()
    assert talk.send(b"LOGIN ", astring(b'a"\\'), b" ", astring("ü".encode()), b"!") == "P1"
    assert talk.data_to_send() == b'P1 LOGIN "a\\"\\\\" {2}\r\n'
    talk.receive_data(b"+ go on\r\n")
    assert talk.next_response() is None
    assert talk.data_to_send() == "ü!\r\n".encode()


def test_a_literal_that_is_refused_is_not_sent_after_the_next_challenge() -> None:
    talk = Conversation()
    talk.send(b"EXAMINE ", Literal(b"x"))
    talk.data_to_send()
    talk.receive_data(b"P1 NO no\r\n+ \r\n")
    assert [response.tag for response in (talk.next_response(), talk.next_response()) if response] == ["P1", "+"]
    assert talk.data_to_send() == b""
