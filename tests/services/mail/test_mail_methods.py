"""Email/get, import, parse, copy and SearchSnippet/get (RFC 8621 §4.2, §4.7-4.9, §5)."""

from typing import Any

import pytest

from tests.support.mail_house import House, message

MIXED = (
    b"From: a@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Received: from x by y; Fri, 24 Nov 2023 09:00:00 +0100\r\n"
    b"X-Two: one\r\nX-Two: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nabcdef\xc3\xa9ghi\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=in.eml\r\n"
    b"\r\nSubject: inner\r\n\r\ninside\r\n"
    b"--b--\r\n"
)


def test_header_forms(house: House) -> None:
    id = house.add(MIXED)
    names = [
        "header:x-two",
        "header:X-Two:all",
        "header:X-Two:asText:all",
        "header:Subject:asText",
        "header:None",
        "header:None:all",
    ]
    seen = house.get("Email", id, *names)
    assert seen == {
        "id": id,
        "header:x-two": " two",
        "header:X-Two:all": [" one", " two"],
        "header:X-Two:asText:all": ["one", "two"],
        "header:Subject:asText": "Grüße",
        "header:None": None,
        "header:None:all": [],
    }


@pytest.mark.parametrize(
    "name", ["header:Subject:asDate", "header:From:asText", "header:", "header:A:asNothing", "header:A B", "Subject"]
)
def test_header_properties_that_are_none(house: House, name: str) -> None:
    assert house.refuse("Email/get", ids=[], properties=[name])["type"] == "invalidArguments"


@pytest.mark.parametrize(
    ("limit", "value", "cut"),
    [
        (6, "abcdef", True),
        (7, "abcdef", True),
        (8, "abcdefé", True),
        (0, "abcdeféghi", False),
        (50, "abcdeféghi", False),
    ],
)
def test_body_values_are_cut_between_characters(house: House, limit: int, value: str, cut: bool) -> None:
    id = house.add(MIXED)
    seen = house.get("Email", id, "bodyValues", fetchTextBodyValues=True, maxBodyValueBytes=limit)["bodyValues"]
    (found,) = seen.values()
    assert found == {"value": value, "isEncodingProblem": False, "isTruncated": cut}


def test_body_properties_are_those_that_were_asked_for(house: House) -> None:
    id = house.add(MIXED)
    seen = house.get("Email", id, "bodyStructure", "attachments", bodyProperties=["type", "header:Content-Type:asText"])
    assert seen["attachments"] == [{"type": "message/rfc822", "header:Content-Type:asText": "message/rfc822"}]
    assert [part["type"] for part in seen["bodyStructure"]["subParts"]] == ["text/plain", "message/rfc822"]
    assert house.refuse("Email/get", ids=[], bodyProperties=["colour"])["type"] == "invalidArguments"
    assert house.refuse("Email/get", ids=[], maxBodyValueBytes=-1)["type"] == "invalidArguments"


def import_one(house: House, **given: Any) -> Any:
    answer = house.call("Email/import", emails={"a": given})
    return answer["created"]["a"] if answer["created"] else answer["notCreated"]["a"]


def test_an_import_keeps_the_octets_and_takes_the_time_of_the_newest_trace(house: House) -> None:
    blob = house.upload(MIXED)
    created = import_one(house, blobId=blob, mailboxIds={house.box["inbox"]: True}, keywords={"$Seen": True})
    assert (created["blobId"], created["size"]) == (blob, len(MIXED))
    seen = house.get("Email", created["id"], "receivedAt", "keywords", "threadId")
    assert seen == {
        **seen,
        "receivedAt": "2023-11-24T08:00:00Z",
        "keywords": {"$seen": True},
        "threadId": created["threadId"],
    }
    given = import_one(house, blobId=blob, mailboxIds={house.box["inbox"]: True}, receivedAt="2001-01-01T00:00:00Z")
    assert house.get("Email", given["id"], "receivedAt")["receivedAt"] == "2001-01-01T00:00:00Z"


def test_an_attached_message_is_imported_and_parsed_by_the_id_of_its_part(house: House) -> None:
    (part,) = house.get("Email", house.add(MIXED), "attachments")["attachments"]
    created = import_one(house, blobId=part["blobId"], mailboxIds={house.box["inbox"]: True})
    assert house.get("Email", created["id"], "subject")["subject"] == "inner"
    parsed = house.call(
        "Email/parse", blobIds=[part["blobId"]], properties=["subject", "size", "id", "hasAttachment", "blobId"]
    )
    assert parsed["parsed"] == {
        part["blobId"]: {
            "subject": "inner",
            "size": part["size"],
            "id": None,
            "hasAttachment": False,
            "blobId": part["blobId"],
        }
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"blobId": "bnone"}, "blobId"),
        ({"blobId": None}, "blobId"),
        ({"mailboxIds": {}}, "mailboxIds"),
        ({"mailboxIds": {"nowhere": True}}, "mailboxIds"),
        ({"mailboxIds": {"x": False}}, "mailboxIds"),
        ({"keywords": {"a b": True}}, "keywords"),
        ({"receivedAt": "x"}, "receivedAt"),
        ({"colour": 1}, "colour"),
    ],
)
def test_an_import_is_refused(house: House, given: dict[str, Any], named: str) -> None:
    fine = {"blobId": house.upload(MIXED), "mailboxIds": {house.box["inbox"]: True}}
    error = import_one(house, **{**fine, **given})
    assert (error["type"], error["properties"]) == ("invalidProperties", [named])
    assert house.query() == []


def test_what_is_no_message_is_neither_imported_nor_parsed(house: House) -> None:
    blob = house.upload(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert import_one(house, blobId=blob, mailboxIds={house.box["inbox"]: True})["type"] == "invalidEmail"
    answer = house.call("Email/parse", blobIds=[blob, "bnone", "", "#x"])
    assert (answer["parsed"], answer["notParsable"], answer["notFound"]) == (None, [blob], ["bnone", "", "#x"])


def test_parse_shows_what_get_shows(house: House) -> None:
    id = house.add(MIXED)
    names = [
        "subject",
        "from",
        "preview",
        "hasAttachment",
        "bodyStructure",
        "textBody",
        "attachments",
        "header:X-Two:all",
        "headers",
    ]
    got = house.get("Email", id, *names, "blobId")
    parsed = house.call("Email/parse", blobIds=[got["blobId"]], properties=names)["parsed"][got["blobId"]]
    assert parsed == {name: got[name] for name in names}


def copy(house: House, source: str, target: str, **given: Any) -> Any:
    more = given.pop("more", {})
    return house.call("Email/copy", fromAccountId=source, accountId=target, create={"c": given}, **more)


def test_a_copy_goes_to_the_other_account_and_its_original_may_go(house: House) -> None:
    id = house.add(MIXED, keywords={"$flagged": True})
    box = {house.box["a2:archive"]: True}
    (_, done, _), (name, implicit, call_id) = house.request(
        (
            "Email/copy",
            {
                "fromAccountId": "a1",
                "accountId": "a2",
                "create": {"c": {"id": id, "mailboxIds": box}},
                "onSuccessDestroyOriginal": True,
            },
        ),
    )
    assert (name, call_id, implicit["accountId"], implicit["destroyed"]) == ("Email/set", "0", "a1", [id])
    seen = house.get("Email", done["created"]["c"]["id"], "keywords", "mailboxIds", "subject", accountId="a2")
    assert (seen["keywords"], seen["mailboxIds"], seen["subject"]) == ({"$flagged": True}, box, "Grüße")
    assert house.query() == []


def test_a_copy_is_refused(house: House) -> None:
    id, box = house.add(), {house.box["a2:archive"]: True}
    assert copy(house, "a1", "a2", id="nobody", mailboxIds=box)["notCreated"]["c"]["type"] == "notFound"
    assert copy(house, "a1", "a2", id=id)["notCreated"]["c"]["properties"] == ["mailboxIds"]
    assert copy(house, "a1", "a2", id=id, mailboxIds=box, subject="x")["notCreated"]["c"]["properties"] == ["subject"]
    assert copy(house, "a1", "a2", id=id, mailboxIds={house.box["inbox"]: True})["notCreated"]["c"]["properties"] == [
        "mailboxIds"
    ]
    for source, target, kind in (
        ("a1", "a1", "invalidArguments"),
        ("zz", "a2", "fromAccountNotFound"),
        ("a1", "zz", "accountNotFound"),
        ("a1", "r1", "accountReadOnly"),
    ):
        assert house.refuse("Email/copy", fromAccountId=source, accountId=target, create={})["type"] == kind
    assert (
        house.refuse("Email/copy", fromAccountId="a1", accountId="a2", create={}, ifFromInState="1")["type"]
        == "stateMismatch"
    )


def snippet(house: House, body: str, text: str, subject: str = "s") -> Any:
    id = house.add(message(subject, body))
    answer = house.call("SearchSnippet/get", filter={"text": text}, emailIds=[id, "nobody"])
    assert answer["notFound"] == ["nobody"]
    assert answer["list"][0]["emailId"] == id
    return answer["list"][0]


def test_a_snippet_is_marked_and_escaped(house: House) -> None:
    seen = snippet(house, "a <b>bold</b> & Hit", "hit", subject="A <hit> & miss")
    assert seen["subject"] == "A &lt;<mark>hit</mark>&gt; &amp; miss"
    assert seen["preview"] == "a &lt;b&gt;bold&lt;/b&gt; &amp; <mark>Hit</mark>"


@pytest.mark.parametrize("filler", ["word ", "<&> ", "\U0001f600 ", "漢字 ", "<" * 400])
def test_a_snippet_has_255_octets_at_most_and_shows_the_hit(house: House, filler: str) -> None:
    seen = snippet(house, f"{filler * 30}needle {filler * 60}", "needle")
    assert len(seen["preview"].encode()) <= 255
    assert "<mark>needle</mark>" in seen["preview"]
    assert seen["subject"] is None


def test_what_is_searched_not_to_be_there_is_not_marked(house: House) -> None:
    id = house.add(message("one two"))
    filter = {"operator": "AND", "conditions": [{"text": "one"}, {"operator": "NOT", "conditions": [{"text": "two"}]}]}
    answer = house.call("SearchSnippet/get", filter=filter, emailIds=[id])
    assert answer["list"][0]["subject"] == "<mark>one</mark> two"
    assert answer["notFound"] is None
