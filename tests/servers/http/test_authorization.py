"""Credentials over HTTP: how they are asked for, taken, and refused (RFC 7617, RFC 6750, RFC 9110 §11)."""

import asyncio

import pytest

from pillarbox.datatypes.admin import password
from tests.directory_fixture import Office
from tests.servers.web_fixture import Reply, Web, basic


def session(web: Web, authorization: str | None, peer: str = "192.0.2.1") -> Reply:
    headers = {"authorization": authorization} if authorization is not None else {}
    return web.ask("GET", "/jmap/session", headers, user=None, peer=peer)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Digest x",
        "Basic !!!",
        basic("alice", "wrong password"),
        basic("nobody"),
        "Bearer x",
    ],
)
def test_whoever_is_not_known_is_asked_for_both_schemes(web: Web, authorization: str | None) -> None:
    reply = session(web, authorization)
    assert reply.problem()[0] == 401
    challenges = reply.header("www-authenticate")
    assert 'Basic realm="Pillarbox", charset="UTF-8"' in challenges
    assert 'Bearer realm="Pillarbox"' in challenges


def test_a_wrong_token_is_told_as_such(web: Web) -> None:
    assert 'error="invalid_token"' in session(web, "Bearer x").header("www-authenticate")
    assert "invalid_token" not in session(web, None).header("www-authenticate")


def test_a_very_long_header_is_refused(web: Web) -> None:
    assert session(web, "Basic " + "A" * 20_000).problem()[0] == 401


def test_an_app_password_works_as_bearer_and_as_basic(office: Office, web: Web) -> None:
    alice = web.ids["alice"]
    secret = office.create("AppPassword", office.caller(alice), alice, label="phone")["secret"]
    assert session(web, f"Bearer {secret}").json()["username"] == "alice@example.org"
    assert session(web, basic("alice", secret)).json()["username"] == "alice@example.org"


def test_an_app_password_sees_only_the_capabilities_of_its_scope(office: Office, web: Web) -> None:
    alice = web.ids["alice"]
    secret = office.create("AppPassword", office.caller(alice), alice, label="phone", scope=["mail"])["secret"]
    found = session(web, f"Bearer {secret}").json()
    assert "urn:ietf:params:jmap:mail" in found["capabilities"]
    assert "urn:ietf:params:jmap:submission" not in found["capabilities"]
    assert "urn:ietf:params:jmap:submission" not in found["accounts"][alice]["accountCapabilities"]


def test_a_password_is_hashed_once_for_requests_that_come_together_and_those_after_them(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    count: list[str] = []
    verify = password.is_password

    def counted(given: str, hashed: str | None) -> bool:
        count.append(given)
        return verify(given, hashed)

    monkeypatch.setattr("pillarbox.services.credential.is_password", counted)

    async def together() -> list[Reply]:
        return await asyncio.gather(*(web.begin("GET", "/jmap/session").whole() for _ in range(5)))

    assert [reply.status for reply in web.run(together())] == [200] * 5
    assert web.ask("GET", "/jmap/session").status == 200
    assert len(count) == 1


def test_too_many_failures_have_to_wait_and_are_told_how_long(web: Web) -> None:
    replies = [session(web, basic("alice", f"wrong {at}")) for at in range(25)]
    assert replies[0].status == 401
    assert replies[-1].problem()[0] == 429
    assert int(replies[-1].header("retry-after")) >= 1


def test_credentials_that_were_taken_back_no_longer_hold(office: Office, web: Web) -> None:
    assert session(web, basic("alice")).status == 200
    office.update("Account", web.ids["alice"], {"isEnabled": False})
    assert session(web, basic("alice")).problem()[0] == 401
