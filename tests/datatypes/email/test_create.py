"""Email/set create: every constraint of RFC 8621 §4.6."""

from typing import Any

import pytest

from tests.support.mail_house import House

VALUES = {"bodyValues": {"t": {"value": "text"}, "h": {"value": "<b>html</b>"}}}
TEXT, HTML = {"partId": "t", "type": "text/plain"}, {"partId": "h", "type": "text/html"}


def draft(house: House, **given: Any) -> dict[str, Any]:
    return {"mailboxIds": {house.box["drafts"]: True}, **given}


def test_a_draft_is_returned_as_it_was_given(house: House) -> None:
    given = draft(
        house,
        keywords={"$Draft": True, "$seen": True},
        receivedAt="2020-01-02T03:04:05Z",
        sentAt="2020-01-02T05:04:05+02:00",
        subject="Grüße \U0001f600",
        to=[{"name": 'Bøb, "x"', "email": "b@example.org"}],
        cc=[{"name": None, "email": "c@example.org"}],
        bcc=[{"email": "d@example.org"}],
        inReplyTo=["a@x"],
        references=["a@x", "b@x"],
        messageId=["own@x"],
        textBody=[TEXT],
        htmlBody=[HTML],
        **VALUES,
        **{"header:X-Odd:asText": "Ödd"},
    )
    given["from"] = [{"name": "Ann", "email": "a@example.org"}]
    id = house.create("Email", **given)
    seen = house.get(
        "Email", id, *[n for n in given if n != "bodyValues"], "bodyValues", "bodyStructure", fetchAllBodyValues=True
    )
    assert seen["keywords"] == {"$draft": True, "$seen": True}
    for name in (
        "mailboxIds",
        "receivedAt",
        "sentAt",
        "subject",
        "to",
        "cc",
        "inReplyTo",
        "references",
        "messageId",
        "from",
    ):
        assert seen[name] == given[name], name
    assert seen["bcc"] == [{"name": None, "email": "d@example.org"}]
    assert seen["header:X-Odd:asText"] == "Ödd"
    assert seen["bodyStructure"]["type"] == "multipart/alternative"
    assert sorted(v["value"] for v in seen["bodyValues"].values()) == ["<b>html</b>", "text"]
    assert [part["type"] for part in seen["textBody"]] == ["text/plain"]


def test_a_draft_without_date_and_message_id_gets_both(house: House) -> None:
    id = house.create("Email", **draft(house))
    seen = house.get("Email", id, "messageId", "sentAt", "receivedAt", "header:MIME-Version:asText")
    assert len(seen["messageId"]) == 1
    assert seen["messageId"][0].endswith("@example.org")
    assert seen["sentAt"] == seen["receivedAt"] == "2023-11-14T22:13:20Z"
    assert seen["header:MIME-Version:asText"] == "1.0"


def test_the_server_tells_id_thread_blob_and_size(house: House) -> None:
    created = house.call("Email/set", create={"d": draft(house)})["created"]["d"]
    assert {"id", "blobId", "threadId", "size"} <= set(created)
    assert house.get("Email", created["id"], "size")["size"] == created["size"]


def test_attachments_are_taken_from_blobs(house: House) -> None:
    blob = house.upload(b"\x00\xff" * 50)
    part = {"blobId": blob, "type": "application/x-odd", "name": "Rück.bin", "disposition": "attachment", "cid": "c@x"}
    id = house.create("Email", **draft(house, textBody=[TEXT], attachments=[part], **VALUES))
    seen = house.get("Email", id, "attachments", "hasAttachment")
    (found,) = seen["attachments"]
    assert seen["hasAttachment"] is True
    assert {n: found[n] for n in ("type", "name", "disposition", "cid", "size")} == {
        **{n: part[n] for n in part if n != "blobId"},
        "size": 100,
    }


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"mailboxIds": {}}, "mailboxIds"),
    ({"mailboxIds": None}, "mailboxIds"),
    ({"mailboxIds": {"nowhere": True}}, "mailboxIds"),
    ({"mailboxIds": []}, "mailboxIds"),
    ({"keywords": {"a b": True}}, "keywords"),
    ({"keywords": {"a": False}}, "keywords"),
    ({"keywords": {"": True}}, "keywords"),
    ({"keywords": {"é": True}}, "keywords"),
    ({"keywords": {"x" * 256: True}}, "keywords"),
    ({"receivedAt": "yesterday"}, "receivedAt"),
    ({"receivedAt": 5}, "receivedAt"),
    ({"blobId": "b"}, "blobId"),
    ({"threadId": "t"}, "threadId"),
    ({"size": 1}, "size"),
    ({"hasAttachment": True}, "hasAttachment"),
    ({"preview": "x"}, "preview"),
    ({"headers": []}, "headers"),
    ({"id": "e1"}, "id"),
    ({"header:Content-Type": " text/plain"}, "header:Content-Type"),
    ({"header:X-A:asDate": "2020"}, "header:X-A:asDate"),
    ({"header:Subject:asAddresses": []}, "header:Subject:asAddresses"),
    ({"header:A B": "x"}, "header:A B"),
    ({"subject": "a", "header:subject:asText": "b"}, "header:subject:asText"),
    ({"header:X-A:asText": "a", "header:x-a": " b"}, "header:x-a"),
    ({"subject": 5}, "subject"),
    ({"from": "ann"}, "from"),
    ({"from": [{"name": "x"}]}, "from"),
    ({"sentAt": "2020-01-01"}, "sentAt"),
    ({"nonsense": 1}, "nonsense"),
    ({"textBody": []}, "textBody"),
    ({"textBody": [TEXT, TEXT]}, "textBody"),
    ({"textBody": [HTML]}, "textBody"),
    ({"htmlBody": [TEXT]}, "htmlBody"),
    ({"attachments": {}}, "attachments"),
    ({"textBody": [{"partId": "nope", "type": "text/plain"}]}, "textBody"),
    ({"textBody": [{"type": "text/plain"}]}, "textBody"),
    ({"textBody": [{**TEXT, "blobId": "b1"}]}, "textBody"),
    ({"textBody": [{**TEXT, "charset": "utf-8"}]}, "textBody"),
    ({"textBody": [{**TEXT, "size": 4}]}, "textBody"),
    ({"bodyStructure": TEXT, "textBody": [TEXT]}, "textBody"),
    ({"bodyStructure": TEXT, "attachments": []}, "attachments"),
    ({"bodyStructure": 5}, "bodyStructure"),
    (
        {"bodyStructure": {**TEXT, "header:Content-Transfer-Encoding": " 8bit"}},
        "bodyStructure/header:Content-Transfer-Encoding",
    ),
    ({"bodyStructure": {**TEXT, "headers": []}}, "bodyStructure/headers"),
    ({"bodyStructure": {**TEXT, "header:Content-Type": " text/plain"}}, "bodyStructure/header:Content-Type"),
    ({"subject": "x", "bodyStructure": {**TEXT, "header:Subject:asText": "y"}}, "bodyStructure"),
    ({"bodyValues": {"t": {"value": "x", "isTruncated": True}}}, "bodyValues"),
    ({"bodyValues": {"t": {"value": "x", "isEncodingProblem": True}}}, "bodyValues"),
    ({"bodyValues": {"t": "x"}}, "bodyValues"),
]


@pytest.mark.parametrize(("given", "named"), WRONG, ids=[str(given)[:60] for given, _ in WRONG])
def test_a_create_is_refused_and_says_why(house: House, given: dict[str, Any], named: str) -> None:
    error = house.not_created("Email", {**draft(house), **VALUES, **given})
    assert error["type"] == "invalidProperties"
    assert error["properties"] == [named]


def test_all_that_is_wrong_is_named_at_once(house: House) -> None:
    error = house.not_created("Email", {"size": 1, "subject": 5, "nonsense": 1, "textBody": []})
    assert sorted(error["properties"]) == ["mailboxIds", "nonsense", "size", "subject", "textBody"]


def test_missing_blobs_are_all_named(house: House) -> None:
    parts = [{"blobId": blob, "type": "image/png"} for blob in ("bone", "btwo", "bone")]
    error = house.not_created("Email", draft(house, attachments=parts))
    assert (error["type"], error["notFound"]) == ("blobNotFound", ["bone", "btwo"])


@pytest.mark.parametrize(
    "value", ["x\r\nBcc: evil@example.org", "x\nBcc: evil@example.org", "x\rBcc: evil@example.org", "x\r\n\r\nbody"]
)
@pytest.mark.parametrize("name", ["subject", "header:X-A", "header:X-A:asText"])
def test_no_value_makes_a_header_field_of_its_own(house: House, name: str, value: str) -> None:
    answer = house.call("Email/set", create={"d": draft(house, **{name: value})})
    if answer["created"]:
        seen = house.get("Email", answer["created"]["d"]["id"], "bcc", "headers")
        assert seen["bcc"] is None
        assert "body" not in [h["name"].lower() for h in seen["headers"]]


@pytest.mark.parametrize("field", ["name", "email"])
def test_no_address_makes_a_header_field_of_its_own(house: House, field: str) -> None:
    address = {"name": "A", "email": "a@example.org", field: "a@example.org>\r\nBcc: evil@example.org"}
    answer = house.call("Email/set", create={"d": draft(house, to=[address], inReplyTo=["x>\r\nBcc: e@x"])})
    if answer["created"]:
        assert house.get("Email", answer["created"]["d"]["id"], "bcc")["bcc"] is None


def test_a_fraction_of_a_second_is_cut_and_told(house: House) -> None:
    created = house.call("Email/set", create={"d": draft(house, receivedAt="2020-01-02T03:04:05.678Z")})["created"]["d"]
    assert created["receivedAt"] == "2020-01-02T03:04:05Z"


def test_a_keyword_is_taken_in_any_case_and_kept_in_lower(house: House) -> None:
    id = house.create("Email", **draft(house, keywords={"$SEEN": True}))
    house.update("Email", id, {"keywords/$Flagged": True, "keywords/$Seen": None})
    assert house.get("Email", id, "keywords")["keywords"] == {"$flagged": True}
    assert house.query(filter={"hasKeyword": "$FLAGGED"}) == [id]
