"""Uploads: stored before they are answered, within limits and quota, under the client's type (RFC 8620 §6.1)."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from pillarbox.datatypes.capability import APP_PASSWORD
from pillarbox.storage.embedded import EmbeddedStore
from tests.directory_fixture import Office
from tests.servers.web_fixture import CORE, Reply, Web, WebMaker


def test_an_upload_is_answered_with_its_blob(web: Web) -> None:
    reply = web.upload(b"<p>Hello</p>", "text/html")
    assert reply.status == 201
    assert reply.json() == {
        "accountId": web.ids["alice"],
        "blobId": reply.json()["blobId"],
        "type": "text/html",
        "size": 12,
    }


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_an_upload_is_on_stable_storage_when_it_is_answered(web: Web, tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    blob = web.upload(data[:size]).json()["blobId"]
    other = EmbeddedStore(tmp_path / "data")
    try:
        assert other.read(lambda view: view.read_blob(web.ids["alice"], blob)) == data[:size]
    finally:
        other.close()


@pytest.mark.parametrize("type", ["message/rfc822", "text/plain; charset=iso-8859-1", "application/x-made-up"])
def test_the_type_is_what_the_client_says_whatever_the_octets_are(web: Web, type: str) -> None:
    assert web.upload(b"%PDF-1.4", type).json()["type"] == type


def test_without_a_type_it_is_octets(web: Web) -> None:
    reply = web.ask("POST", f"/jmap/upload/{web.ids['alice']}/", {}, b"x")
    assert reply.json()["type"] == "application/octet-stream"


def test_the_same_octets_have_the_same_blob(web: Web) -> None:
    assert web.upload(b"same").json()["blobId"] == web.upload(b"same").json()["blobId"]


def test_an_upload_that_is_too_large_is_refused(make_web: WebMaker) -> None:
    web = make_web(max_size_upload=1_000)
    assert web.upload(b"x" * 1_000).status == 201
    reply = web.upload(b"x" * 1_001)
    assert reply.problem() == (413, "limit")
    assert reply.json()["limit"] == "maxSizeUpload"


def test_an_upload_without_a_length_is_cut_off_at_the_limit(make_web: WebMaker) -> None:
    web = make_web(max_size_upload=1_000)
    reply = web.ask("POST", f"/jmap/upload/{web.ids['alice']}/", chunks=[b"x" * 600] * 50)
    assert reply.problem() == (413, "limit")


def test_an_upload_whose_client_goes_away_leaves_nothing(office: Office, web: Web) -> None:
    async def leave() -> None:
        exchange = web.begin("POST", f"/jmap/upload/{web.ids['alice']}/", chunks=[b"half"], ends=False)
        exchange.hang_up()
        await exchange.task

    web.run(leave())
    assert office.store.read(lambda view: view.pending_use(web.ids["alice"])) == (0, 0)


def test_more_uploads_at_once_than_the_limit_are_refused(make_web: WebMaker) -> None:
    web = make_web(max_concurrent_upload=1)
    path = f"/jmap/upload/{web.ids['alice']}/"

    async def crowd() -> tuple[Reply, Reply]:
        await web.begin("GET", "/jmap/session").whole()
        waiting = web.begin("POST", path, chunks=())
        await asyncio.sleep(0)
        second = await web.begin("POST", path, chunks=[b"x"]).whole()
        waiting.hang_up()
        await waiting.task
        return second, await web.begin("POST", path, chunks=[b"x"]).whole()

    second, third = web.run(crowd())
    assert second.problem() == (429, "limit")
    assert second.json()["limit"] == "maxConcurrentUpload"
    assert third.status == 201


def test_the_oldest_uploads_make_room_for_new_ones(office: Office, make_web: WebMaker) -> None:
    web = make_web(upload_quota_octets=100, upload_quota_count=1000)
    paths = []
    for letter in (b"a", b"b", b"c"):
        paths.append(web.blob(letter * 45))
        office.clock.forward(seconds=1)
    assert [web.ask("GET", path).status for path in paths] == [404, 200, 200]
    assert office.store.read(lambda view: view.pending_use(web.ids["alice"])) == (2, 90)


def test_many_small_uploads_make_room_as_well(office: Office, make_web: WebMaker) -> None:
    web = make_web(upload_quota_count=3)
    paths = [web.blob(b"%d" % number) for number in range(6)]
    assert office.store.read(lambda view: view.pending_use(web.ids["alice"]))[0] == 3
    assert web.ask("GET", paths[-1]).status == 200


def test_an_upload_larger_than_all_room_is_over_quota(make_web: WebMaker) -> None:
    reply = make_web(upload_quota_octets=100).upload(b"x" * 101)
    assert reply.problem()[0] == 507


def test_nobody_uploads_into_an_account_that_is_not_theirs(web: Web) -> None:
    for account in (web.ids["bob"], "nobody", "directory", ""):
        assert web.ask("POST", f"/jmap/upload/{account}/", body=b"x").problem()[0] == 404


def test_nobody_uploads_into_an_account_that_they_may_only_read(office: Office, web: Web) -> None:
    office.update("Account", web.ids["bob"], {"delegates": {web.ids["alice"]: "read"}})
    assert web.ask("POST", f"/jmap/upload/{web.ids['bob']}/", body=b"x").problem()[0] == 403


def test_an_address_below_an_account_is_no_upload(web: Web) -> None:
    assert web.ask("POST", f"/jmap/upload/{web.ids['alice']}/more", body=b"x").problem()[0] == 404
    assert web.ask("POST", f"/jmap/upload/{web.ids['alice']}", body=b"x").status == 201


def test_a_body_with_a_content_coding_is_not_stored(web: Web) -> None:
    reply = web.ask("POST", f"/jmap/upload/{web.ids['alice']}/", {"content-encoding": "gzip"}, b"x")
    assert reply.problem()[0] == 415


def app_password(web: Web, *scope: str, user: str = "alice") -> dict[str, str]:
    """The header of an app password for these scopes."""
    create = {"p": {"label": "a program", "scope": list(scope)}}
    answer = web.post(
        {
            "using": [CORE, APP_PASSWORD],
            "methodCalls": [["AppPassword/set", {"accountId": web.ids[user], "create": create}, "c"]],
        },
        user=user,
    ).json()
    return {"authorization": f"Bearer {answer['methodResponses'][0][1]['created']['p']['secret']}"}


def test_an_app_password_for_something_else_opens_no_blobs(web: Web) -> None:
    alice, path = web.ids["alice"], web.blob(b"octets")
    vacation, mail = app_password(web, "vacation"), app_password(web, "mail")
    assert web.ask("GET", path, vacation).status == 403
    assert web.ask("POST", f"/jmap/upload/{alice}/", vacation, b"x").status == 403
    copy = {"accountId": alice, "fromAccountId": web.ids["bob"], "blobIds": ["b1"]}
    answer = web.ask(
        "POST",
        "/jmap/api",
        {"content-type": "application/json", **vacation},
        msgspec.json.encode({"using": [CORE], "methodCalls": [["Blob/copy", copy, "c"]]}),
    )
    assert answer.json()["methodResponses"][0][1]["type"] == "forbidden"
    assert web.ask("GET", path, mail).body == b"octets"
    assert web.ask("POST", f"/jmap/upload/{alice}/", mail, b"x").status == 201


def test_the_directory_takes_no_uploads(web: Web) -> None:
    assert web.ask("POST", "/jmap/upload/directory/", {}, b"x", user="root").status == 404
