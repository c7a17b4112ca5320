"""The Session object: complete, true to the limits, and only what the caller may see (RFC 8620 §2)."""

import pytest

from pillarbox.core.limits import Limits
from pillarbox.datatypes.capability import ADMIN, APP_PASSWORD
from pillarbox.datatypes.registry import TYPES
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.jmap.capability import CAPABILITIES, advertised
from pillarbox.services.registry import METHODS
from tests.directory_fixture import Office
from tests.servers.web_fixture import CORE, MAIL, Web, WebMaker

_URLS = {"apiUrl", "downloadUrl", "uploadUrl", "eventSourceUrl"}
_ALL = {"capabilities", "accounts", "primaryAccounts", "username", "state", *_URLS}


@pytest.mark.parametrize("path", ["/.well-known/jmap", "/jmap/session"])
def test_both_addresses_answer_themselves_with_every_property(web: Web, path: str) -> None:
    reply = web.ask("GET", path)
    assert reply.status == 200
    assert reply.header("content-type") == "application/json"
    assert reply.header("cache-control") == "no-cache, no-store, must-revalidate"
    assert set(reply.json()) == _ALL
    assert reply.json()["username"] == "alice@example.org"


def test_the_core_capability_advertises_the_limits_that_hold(make_web: WebMaker) -> None:
    web = make_web(max_size_request=12_345, max_calls_in_request=3)
    core = web.ask("GET", "/jmap/session").json()["capabilities"][CORE]
    assert core["maxSizeRequest"] == 12_345
    assert core["maxCallsInRequest"] == 3
    assert set(core) == {
        "maxSizeUpload",
        "maxConcurrentUpload",
        "maxSizeRequest",
        "maxConcurrentRequests",
        "maxCallsInRequest",
        "maxObjectsInGet",
        "maxObjectsInSet",
        "collationAlgorithms",
    }


def test_an_account_tells_the_limits_of_its_mail(web: Web) -> None:
    session = web.ask("GET", "/jmap/session").json()
    assert session["capabilities"][MAIL] == {}
    mail = session["accounts"][web.ids["alice"]]["accountCapabilities"][MAIL]
    limits, email = Limits(), next(kind for kind in TYPES if kind.name == "Email")
    assert mail == {
        "maxMailboxesPerEmail": limits.max_mailboxes_per_email,
        "maxMailboxDepth": limits.max_mailbox_depth,
        "maxSizeMailboxName": limits.max_size_mailbox_name,
        "maxSizeAttachmentsPerEmail": limits.max_size_attachments_per_email,
        "emailQuerySortOptions": list(email.sorts),
        "mayCreateTopLevelMailbox": True,
    }
    assert "receivedAt" in mail["emailQuerySortOptions"]


def test_the_primary_account_of_a_capability_is_the_callers_own(web: Web) -> None:
    session = web.ask("GET", "/jmap/session").json()
    assert session["primaryAccounts"][MAIL] == web.ids["alice"]
    # RFC 8620 §2: for core "an entry SHOULD NOT be present", as it is about the server and no account.
    assert CORE not in session["primaryAccounts"]


def test_only_an_administrator_sees_the_directory(web: Web) -> None:
    alice, root = (web.ask("GET", "/jmap/session", user=user).json() for user in ("alice", "root"))
    assert ADMIN not in alice["capabilities"]
    assert set(alice["accounts"]) == {web.ids["alice"]}
    assert root["capabilities"][ADMIN] == {}
    assert root["primaryAccounts"][ADMIN] == "directory"
    assert list(root["accounts"]["directory"]["accountCapabilities"]) == [ADMIN]


def test_a_shared_account_is_told_with_the_rights_to_it(office: Office, make_web: WebMaker) -> None:
    web = make_web()
    office.update("Account", web.ids["bob"], {"delegates": {web.ids["alice"]: "read"}})
    session = web.ask("GET", "/jmap/session").json()
    bob = session["accounts"][web.ids["bob"]]
    assert (bob["name"], bob["isPersonal"], bob["isReadOnly"]) == ("bob@example.org", False, True)
    assert MAIL in bob["accountCapabilities"]
    assert APP_PASSWORD not in bob["accountCapabilities"]
    assert session["primaryAccounts"][MAIL] == web.ids["alice"]


def test_the_state_changes_with_what_the_session_says_and_stands_in_every_response(
    office: Office, make_web: WebMaker
) -> None:
    web = make_web()
    before = web.ask("GET", "/jmap/session").json()["state"]
    assert web.call()["sessionState"] == before
    office.update("Account", web.ids["bob"], {"delegates": {web.ids["alice"]: "read"}})
    after = web.ask("GET", "/.well-known/jmap").json()["state"]
    assert after != before
    assert web.call()["sessionState"] == after


def test_the_state_does_not_depend_on_how_the_server_was_reached(web: Web) -> None:
    here, there = (web.ask("GET", "/jmap/session", {"host": host}).json() for host in ("a.example", "b.example:8443"))
    assert here["state"] == there["state"]
    assert there["apiUrl"] == "http://b.example:8443/jmap/api"


def test_urls_are_absolute_templates_under_the_public_url(make_web: WebMaker) -> None:
    web = make_web(HttpSettings(public_url="https://jmap.example.org:8443/mail"))
    session = web.ask("GET", "/jmap/session", {"host": "evil.example"}).json()
    base = "https://jmap.example.org:8443/mail/jmap/"
    assert session["apiUrl"] == base + "api"
    assert session["uploadUrl"] == base + "upload/{accountId}/"
    assert session["downloadUrl"] == base + "download/{accountId}/{blobId}/{name}?accept={type}"
    assert session["eventSourceUrl"] == base + "eventsource?types={types}&closeafter={closeafter}&ping={ping}"


def test_without_credentials_there_is_no_session(web: Web) -> None:
    reply = web.ask("GET", "/.well-known/jmap", user=None)
    assert reply.status == 401
    assert reply.header("location") == ""


def test_every_method_has_a_capability_that_the_session_can_describe() -> None:
    described = {capability.uri for capability in advertised(method.capability for method in METHODS.values())}
    assert {method.capability for method in METHODS.values()} <= described
    assert len({capability.uri for capability in CAPABILITIES}) == len(CAPABILITIES)


def test_a_capability_without_an_entry_is_noticed_at_the_start() -> None:
    with pytest.raises(LookupError, match="urn:example:new"):
        advertised(["urn:example:new"])
