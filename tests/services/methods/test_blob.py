"""Blob methods, and how long a blob is kept."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import Access, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes import capability
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.registry import METHODS
from pillarbox.services.uploads import expire_uploads, sweep_files
from pillarbox.storage.step import drive
from pillarbox.storage.store import Store
from tests.directory_fixture import Office, office
from tests.support.blob_file import file_of

__all__ = ["office"]
MESSAGE = (
    b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
    b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n"
)


class Desk:
    """Two accounts that one caller may use."""

    def __init__(self, office: Office) -> None:
        self.store, self.clock = office.store, office.clock
        self.a, self.b = office.account("a@example.org"), office.account("b@example.org")

    def call(self, name: str, *, using: tuple[str, ...] = (capability.MAIL,), **arguments: Any) -> Any:
        """The answer's arguments; a Fault is raised."""
        accounts = {id: Access(id, id) for id in (self.a, self.b)}
        caller = Caller(account=self.a, username="a", accounts=accounts)
        given = (name, {"accountId": self.a, **arguments}, "0")
        request = Request([capability.CORE, capability.BLOB, *using], [given])
        talk = Conversation(METHODS, self.store.limits, caller, request)
        drive(talk.steps(), self.store.read, self.store.write)
        if isinstance(talk.answers[0][1], Fault):
            raise talk.answers[0][1]
        return talk.answers[0][1]

    def put(self, data: bytes, account: str = "") -> str:
        return self.store.write(lambda tx: tx.put_blob(account or self.a, data, pending=True))

    def deliver(self) -> Email:
        return self.store.write(lambda tx: deliver(tx, self.a, MESSAGE))

    def read(self, blob: str, account: str = "") -> bytes | None:
        return self.store.read(lambda view: view.read_blob(account or self.a, blob))

    def upload(self, *sources: Mapping[str, Any]) -> dict[str, Any]:
        """The new blob; a refusal is raised."""
        answer = self.call("Blob/upload", create={"u": {"data": list(sources)}})
        if answer["notCreated"]:
            raise answer["notCreated"]["u"]
        return dict(answer["created"]["u"])

    def get(self, blob: str, *names: str, **arguments: Any) -> dict[str, Any]:
        (found,) = self.call("Blob/get", ids=[blob], properties=list(names) or None, **arguments)["list"]
        return dict(msgspec.json.decode(found))


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def refused(kind: Kind, act: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        act()
    assert caught.value.kind is kind
    return caught.value


def test_upload_joins_text_base64_and_pieces_of_blobs(desk: Desk) -> None:
    old = desk.put(b"0123456789")
    made = desk.upload(
        {"data:asText": "ä"},
        {"data:asBase64": "AAE="},
        {"blobId": old, "offset": 2, "length": 3},
        {"blobId": old, "offset": 8},
    )
    assert desk.read(made["id"]) == "ä".encode() + b"\0\x01" + b"234" + b"89"
    assert (made["size"], made["type"]) == (9, None)


def test_upload_may_be_made_of_another_of_the_same_call(desk: Desk) -> None:
    create = {
        "late": {"data": [{"blobId": "#early"}, {"data:asText": "!"}], "type": "text/plain"},
        "early": {"data": [{"data:asText": "hi"}]},
    }
    made = desk.call("Blob/upload", create=create)["created"]
    assert desk.read(made["late"]["id"]) == b"hi!"
    assert made["late"]["type"] == "text/plain"


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"data:asText": "a", "data:asBase64": "AA=="},
        {"data:asBase64": "A*=="},
        {"data:asBase64": "A"},
        {"data:asText": "\ud800"},
        {"data:asText": "a", "offset": 0},
        {"data:asText": 3},
        {"what": "ever"},
    ],
)
def test_upload_refuses_what_is_no_source(desk: Desk, source: dict[str, Any]) -> None:
    refused(Kind.INVALID_PROPERTIES, lambda: desk.upload(source))


def test_upload_refuses_ranges_that_are_not_there_and_blobs_that_do_not_exist(desk: Desk) -> None:
    old = desk.put(b"0123")
    for where in (
        {"offset": 5},
        {"length": 5},
        {"offset": 3, "length": 2},
        {"offset": -1},
        {"offset": 2, "length": -1},
    ):
        refused(Kind.INVALID_PROPERTIES, lambda where=where: desk.upload({"blobId": old, **where}))
    assert desk.read(desk.upload({"blobId": old, "offset": 4, "length": 0})["id"]) == b""
    assert refused(Kind.BLOB_NOT_FOUND, lambda: desk.upload({"blobId": "bnone"})).facts["not_found"] == ["bnone"]
    refused(Kind.BLOB_NOT_FOUND, lambda: desk.upload({"blobId": "#u"}))


def test_upload_keeps_to_its_limits(desk: Desk) -> None:
    desk.store.limits = Limits(max_size_blob_set=10, max_data_sources=2)
    piece = {"data:asText": "12345"}
    assert desk.upload(piece, piece)["size"] == 10
    refused(Kind.TOO_LARGE, lambda: desk.upload(piece, {"data:asText": "123456"}))
    refused(Kind.TOO_LARGE, lambda: desk.upload(*[{"data:asText": ""}] * 3))


def test_get_gives_text_where_it_is_text_and_base64_where_not(desk: Desk) -> None:
    text, octets = desk.put("grün".encode()), desk.put(b"\xff\0")
    assert desk.get(text) == {"id": text, "data:asText": "grün", "size": 5}
    assert desk.get(octets) == {"id": octets, "data:asBase64": "/wA=", "isEncodingProblem": True, "size": 2}
    assert desk.get(octets, "data:asText") == {"id": octets, "data:asText": None, "isEncodingProblem": True}
    assert desk.get(text, "data:asBase64") == {"id": text, "data:asBase64": base64.b64encode("grün".encode()).decode()}


def test_get_shows_a_range_and_tells_when_it_goes_past_the_end(desk: Desk) -> None:
    blob = desk.put(b"0123456789")
    assert desk.get(blob, "data:asText", "size", offset=2, length=3) == {"id": blob, "data:asText": "234", "size": 10}
    assert desk.get(blob, "data:asText", offset=8, length=3) == {"id": blob, "data:asText": "89", "isTruncated": True}
    assert desk.get(blob, "data:asText", offset=11) == {"id": blob, "data:asText": "", "isTruncated": True}
    # the range cuts a character in two
    assert desk.get(desk.put("ä".encode()), "data:asText", length=1)["isEncodingProblem"] is True


def test_get_digests_the_range(desk: Desk) -> None:
    blob = desk.put(b"0123456789")
    shown = desk.get(blob, "digest:sha", "digest:sha-256", "digest:sha-512", offset=1, length=4)
    for name, digest in (("sha", "sha1"), ("sha-256", "sha256"), ("sha-512", "sha512")):
        assert base64.b64decode(shown[f"digest:{name}"]) == hashlib.new(digest, b"1234").digest()


def test_get_refuses_unknown_properties_and_negative_ranges(desk: Desk) -> None:
    for bad in ({"properties": ["digest:md5"]}, {"offset": -1}, {"length": -1}):
        refused(Kind.INVALID_ARGUMENTS, lambda bad=bad: desk.call("Blob/get", ids=[], **bad))
    assert desk.call("Blob/get", ids=["bnone", "?"])["notFound"] == ["bnone", "?"]


def pdf_of(email: Email) -> str:
    start = MESSAGE.index(b"JVBERg==")
    return f"{email.blob_id}-{start}-8-b"


def test_get_reads_body_parts(desk: Desk) -> None:
    part = pdf_of(desk.deliver())
    assert desk.get(part, "data:asText", "size") == {"id": part, "data:asText": "%PDF", "size": 4}


def test_lookup_leads_from_a_part_to_email_thread_and_mailbox(desk: Desk) -> None:
    email, unheld = desk.deliver(), desk.put(b"unheld")
    answer = desk.call("Blob/lookup", typeNames=["Email", "Thread", "Mailbox"], ids=[pdf_of(email), unheld, "bno"])
    assert answer["list"][0]["matchedIds"] == {
        "Email": [email.id],
        "Thread": [email.thread_id],
        "Mailbox": list(email.mailbox_ids),
    }
    assert answer["list"][1] == {"id": unheld, "matchedIds": {"Email": [], "Thread": [], "Mailbox": []}}
    assert answer["notFound"] == ["bno"]


def test_lookup_knows_only_types_whose_capability_was_named(desk: Desk) -> None:
    refused(Kind.UNKNOWN_DATA_TYPE, lambda: desk.call("Blob/lookup", typeNames=["Calendar"], ids=[]))
    refused(Kind.UNKNOWN_DATA_TYPE, lambda: desk.call("Blob/lookup", using=(), typeNames=["Email"], ids=[]))


def test_copy_brings_blobs_and_parts_into_the_other_account(desk: Desk) -> None:
    blob, part = desk.put(b"data", desk.b), pdf_of(desk.deliver())
    answer = desk.call("Blob/copy", fromAccountId=desk.b, blobIds=[blob, "bnone"])
    assert desk.read(answer["copied"][blob]) == b"data"
    assert answer["notCopied"]["bnone"].kind is Kind.NOT_FOUND
    answer = desk.call("Blob/copy", fromAccountId=desk.a, accountId=desk.b, blobIds=[part])
    assert desk.read(answer["copied"][part], desk.b) == b"%PDF"
    assert answer["notCopied"] is None


def test_copy_refuses_the_same_and_unknown_accounts(desk: Desk) -> None:
    refused(Kind.INVALID_ARGUMENTS, lambda: desk.call("Blob/copy", fromAccountId=desk.a, blobIds=["x"]))
    refused(Kind.FROM_ACCOUNT_NOT_FOUND, lambda: desk.call("Blob/copy", fromAccountId="other", blobIds=["x"]))


def expire(desk: Desk) -> int:
    return desk.store.write(expire_uploads)


def test_an_upload_goes_after_its_time_unless_it_is_uploaded_again(desk: Desk) -> None:
    once, again = desk.put(b"once"), desk.put(b"again")
    desk.clock.forward(seconds=desk.store.limits.upload_seconds)
    assert expire(desk) == 0
    desk.put(b"again")
    desk.clock.forward(seconds=1)
    assert expire(desk) == 1
    assert (desk.read(once), desk.read(again)) == (None, b"again")


def test_a_held_blob_stays_and_has_its_time_again_when_it_is_let_go(desk: Desk) -> None:
    uploaded = desk.put(MESSAGE)
    email = desk.deliver()
    assert email.blob_id == uploaded
    desk.clock.forward(seconds=desk.store.limits.upload_seconds * 2)
    assert expire(desk) == 0
    desk.call("Email/set", destroy=[email.id])
    assert expire(desk) == 0
    assert desk.read(uploaded) == MESSAGE
    desk.clock.forward(seconds=desk.store.limits.upload_seconds + 1)
    assert expire(desk) == 1
    assert desk.read(uploaded) is None


def test_a_blob_that_two_records_hold_stays_with_the_second(desk: Desk) -> None:
    one, two = desk.deliver(), desk.deliver()
    desk.call("Email/set", destroy=[one.id])
    desk.clock.forward(seconds=desk.store.limits.upload_seconds + 1)
    assert expire(desk) == 0
    assert desk.read(two.blob_id) == MESSAGE


def test_a_destroyed_emails_blob_can_be_imported_again(desk: Desk) -> None:
    email = desk.deliver()
    desk.call("Email/set", destroy=[email.id])
    inbox = desk.store.read(lambda view: id_of_role(view, desk.a, "inbox"))
    answer = desk.call("Email/import", emails={"i": {"blobId": email.blob_id, "mailboxIds": {inbox: True}}})
    assert answer["created"]["i"]["blobId"] == email.blob_id
    desk.clock.forward(seconds=desk.store.limits.upload_seconds + 1)
    assert expire(desk) == 0


def test_a_blob_is_found_by_its_email(desk: Desk) -> None:
    email = desk.deliver()
    found = desk.store.read(lambda view: view.find(EMAIL, desk.a, "blobId", [email.blob_id, "bnone"]))
    assert found == [(email.blob_id, email.id)]


def test_files_go_when_no_account_names_them_and_they_are_old(desk: Desk) -> None:
    store: Store = desk.store
    store.limits = Limits(blob_inline_octets=4)
    kept, gone = desk.put(b"a long blob"), desk.put(b"another long blob")
    desk.put(b"another long blob", desk.b)
    path, orphan = file_of(store, gone), file_of(store, "b00.1.tmp")
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"half")
    later = path.stat().st_mtime + 90_000
    hour = 3_600
    assert sweep_files(store, later - 90_000) == sweep_files(store, later - 90_000 + hour) == 0
    store.write(lambda tx: tx.drop_pending(desk.a, [gone]))
    assert sweep_files(store, later) == sweep_files(store, later + hour - 1) == 0  # marked, but not yet long enough
    assert sweep_files(store, later + hour) == 1
    assert not orphan.exists()
    assert path.exists()
    store.write(lambda tx: tx.drop_pending(desk.b, [gone]))
    assert sweep_files(store, later + hour) == 0
    assert sweep_files(store, later + 2 * hour) == 1
    assert not path.exists()
    assert desk.read(kept) == b"a long blob"


def test_dropping_spares_what_is_held(desk: Desk) -> None:
    email = desk.deliver()
    assert desk.store.write(lambda tx: tx.drop_pending(desk.a, [email.blob_id])) == 0
    assert desk.read(email.blob_id) == MESSAGE


def test_one_call_reads_only_so_many_octets_of_blobs(desk: Desk) -> None:
    blob = desk.put(b"x" * 60)
    slices = [f"{blob}-{start}-2-i" for start in range(3)]
    desk.store.limits = Limits(max_blob_octets_in_call=150)
    refused(Kind.REQUEST_TOO_LARGE, lambda: desk.call("Blob/get", ids=slices, properties=["digest:sha"]))
    refused(Kind.REQUEST_TOO_LARGE, lambda: desk.call("Blob/lookup", typeNames=["Email"], ids=slices))
    refused(Kind.REQUEST_TOO_LARGE, lambda: desk.call("Email/parse", blobIds=slices))
    refused(Kind.REQUEST_TOO_LARGE, lambda: desk.upload(*[{"blobId": id, "length": 1} for id in slices]))
    copied = desk.call("Blob/copy", fromAccountId=desk.a, accountId=desk.b, blobIds=slices)
    assert list(copied["copied"]) == slices[:2]
    assert copied["notCopied"][slices[2]].kind is Kind.REQUEST_TOO_LARGE
    assert len(desk.call("Blob/get", ids=slices[:2], properties=["size"])["list"]) == 2


def test_what_reads_other_blobs_is_made_away_from_the_event_loop() -> None:
    def is_slow(*sources: Any) -> bool:
        access = Access("a", "a")
        caller = Caller(account="a", username="a", accounts={"a": access})
        arguments = {"create": {"u": {"data": list(sources)}, "v": {"data": None}}}
        return METHODS["Blob/upload"].slow(MethodCall(caller, access, "Blob/upload", arguments))

    assert not is_slow({"data:asText": "x"}, "odd", None)
    assert is_slow({"data:asText": "x"}, {"blobId": "b1"})


def test_drafts_of_one_call_take_only_so_many_octets(desk: Desk) -> None:
    blob = desk.put(b"x" * 60)
    box = desk.store.read(lambda view: id_of_role(view, desk.a, "drafts"))
    part = {"blobId": f"{blob}-0-1-i", "type": "text/plain"}
    create = {name: {"mailboxIds": {box: True}, "attachments": [part]} for name in "abc"}
    desk.store.limits = Limits(max_blob_octets_in_call=150)
    answer = desk.call("Email/set", create=create)
    assert {fault.kind for fault in answer["notCreated"].values()} == {Kind.TOO_LARGE}
    assert "c" in answer["notCreated"]
    desk.store.limits = Limits(max_blob_octets_in_call=4_000)
    assert len(desk.call("Email/set", create=create)["created"]) == 3
