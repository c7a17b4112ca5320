"""The event source: told at once, of wanted types and one's own accounts only, and nothing missed (RFC 8620 §7.3)."""

import asyncio
import gc
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as struct_replace

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.capability import APP_PASSWORD, CORE
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.delivery import EMAIL_DELIVERY
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.servers.jmap.event_source import ping_interval
from pillarbox.servers.jmap.timing import Timing
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.push_state import Position
from tests.directory_fixture import Office
from tests.servers.web_fixture import Exchange, Web, WebMaker

EVERYTHING = "/jmap/eventsource?types=*&closeafter=no&ping=0"


class Listener:
    """A client of the event source: reads events as (event, id, data)."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    @classmethod
    async def open(cls, web: Web, target: str = EVERYTHING, **more: Any) -> "Listener":
        listener = cls(web.begin("GET", target, **more))
        head = await listener.exchange.head()
        assert head.status == 200
        assert head.header("content-type") == "text/event-stream"
        assert "no-store" in head.header("cache-control")
        return listener

    async def event(self) -> tuple[str, str, Any]:
        """The next event; ("", id, None) for one without data."""
        piece = await self.exchange.piece()
        assert piece is not None, "the stream has ended"
        assert piece.endswith(b"\n\n")
        fields = dict(line.split(": ", 1) for line in piece.decode().strip().split("\n") if not line.startswith(":"))
        data = msgspec.json.decode(fields["data"]) if "data" in fields else None
        return fields.get("event", ""), fields.get("id", ""), data

    async def ended(self) -> bool:
        return await self.exchange.piece() is None

    async def leave(self) -> None:
        self.exchange.hang_up()
        await self.exchange.task


async def new_mailbox(web: Web, name: str, user: str = "alice") -> None:
    def write(tx: Any) -> None:
        tx.write(MAILBOX, web.ids[user], None, Mailbox(id=tx.new_id(MAILBOX), name=name))

    await web.bridge.write(write)


def state(web: Web, user: str = "alice") -> str:
    return str(web.office.store.read(lambda view: view.state(MAILBOX, web.ids[user])))


def test_a_change_is_told_with_the_state_that_get_gives(web: Web) -> None:
    async def talk() -> None:
        listener = await Listener.open(web)
        assert (await listener.event())[2] is None
        await new_mailbox(web, "Plans")
        name, id, data = await listener.event()
        assert name == "state"
        assert id
        assert data == {"@type": "StateChange", "changed": {web.ids["alice"]: {"Mailbox": state(web)}}}
        await listener.leave()

    web.run(talk())


def test_the_head_is_sent_before_anything_happens(web: Web) -> None:
    async def talk() -> None:
        await (await Listener.open(web)).leave()

    web.run(talk())


def test_only_the_wanted_types_are_told(web: Web) -> None:
    async def talk() -> None:
        emails = await Listener.open(web, "/jmap/eventsource?types=Email,Nonsense&closeafter=no&ping=0")
        both = await Listener.open(web, "/jmap/eventsource?types=Email,Mailbox&closeafter=no&ping=0")
        for listener in (emails, both):
            await listener.event()
        await new_mailbox(web, "Plans")
        assert (await both.event())[2]["changed"][web.ids["alice"]].keys() == {"Mailbox"}
        web.bridge.feed.publish({web.ids["alice"]: {"Email": 99, "Mailbox": 99}})
        assert (await emails.event())[2]["changed"] == {web.ids["alice"]: {"Email": "99"}}
        await asyncio.gather(emails.leave(), both.leave())

    web.run(talk())


def test_nobody_hears_of_an_account_that_is_not_theirs(office: Office, make_web: WebMaker) -> None:
    web = make_web()
    office.update("Account", web.ids["bob"], {"delegates": {web.ids["alice"]: "read"}})

    async def talk() -> None:
        alice, root = await Listener.open(web), await Listener.open(web, user="root")
        for listener in (alice, root):
            await listener.event()
        await new_mailbox(web, "Plans", "bob")
        assert (await alice.event())[2]["changed"].keys() == {web.ids["bob"]}
        await new_mailbox(web, "Mine", "root")
        assert (await root.event())[2]["changed"].keys() == {web.ids["root"]}
        await asyncio.gather(alice.leave(), root.leave())

    web.run(talk())


def test_a_client_that_comes_back_is_told_what_it_missed(web: Web) -> None:
    async def talk() -> None:
        first = await Listener.open(web)
        _, id, _ = await first.event()
        await first.leave()
        await new_mailbox(web, "Plans")
        again = await Listener.open(web, headers={"last-event-id": id})
        _, later, _ = await again.event()
        assert later != id
        name, told, data = await again.event()
        assert (name, told) == ("state", later)
        assert data["changed"] == {web.ids["alice"]: {"Mailbox": state(web)}}
        await again.leave()
        nothing_new = await Listener.open(web, headers={"last-event-id": later})
        await nothing_new.event()
        await new_mailbox(web, "More")
        assert (await nothing_new.event())[2]["changed"] == {web.ids["alice"]: {"Mailbox": state(web)}}
        await nothing_new.leave()

    web.run(talk())


@pytest.mark.parametrize("id", ["from another server", "x", "a.1,,b.2", "," * 20_000])
def test_a_client_with_an_id_that_says_nothing_is_told_all_states(web: Web, id: str) -> None:
    async def talk() -> None:
        listener = await Listener.open(web, headers={"last-event-id": id})
        await listener.event()
        changed = (await listener.event())[2]["changed"][web.ids["alice"]]
        assert changed["Mailbox"] == state(web)
        assert {"Email", "Thread", "Identity"} <= changed.keys()
        await listener.leave()

    web.run(talk())


def test_a_stream_that_closes_after_a_state_ends_after_it(web: Web) -> None:
    async def talk() -> None:
        listener = await Listener.open(web, "/jmap/eventsource?types=*&closeafter=state&ping=0")
        await listener.event()
        await new_mailbox(web, "Plans")
        assert (await listener.event())[0] == "state"
        assert await listener.ended()
        await listener.exchange.task
        missed = await Listener.open(
            web, "/jmap/eventsource?types=*&closeafter=state&ping=0", headers={"last-event-id": "x"}
        )
        await missed.event()
        assert (await missed.event())[0] == "state"
        assert await missed.ended()

    web.run(talk())


def test_pings_come_when_nothing_else_does_and_tell_their_interval(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(ping_least=0.01, ping_most=0.02, gather=0))

    async def talk() -> None:
        listener = await Listener.open(web, "/jmap/eventsource?types=*&closeafter=no&ping=30")
        await listener.event()
        for _ in range(2):
            name, id, data = await listener.event()
            assert (name, id) == ("ping", "")
            assert data.keys() == {"interval"}
        await listener.leave()

    web.run(talk())


@pytest.mark.parametrize(("asked", "used"), [("1", 5), ("30", 30), ("300", 300), ("100000", 900), ("0", 0)])
def test_the_ping_interval_is_kept_within_bounds(asked: str, used: int) -> None:
    # RFC 8620 §7.3: no minimum above 30, no maximum below 300.
    assert ping_interval(asked, Timing()) == used


@pytest.mark.parametrize(
    "query",
    [
        "types=*&closeafter=maybe&ping=0",
        "types=*&closeafter=no&ping=-1",
        "types=*&closeafter=no&ping=x",
        "closeafter=&ping=0",
    ],
)
def test_variables_that_mean_nothing_are_refused(web: Web, query: str) -> None:
    assert web.ask("GET", f"/jmap/eventsource?{query}").problem()[0] == 400


def test_the_stream_needs_credentials(web: Web) -> None:
    assert web.ask("GET", EVERYTHING, user=None).problem()[0] == 401


def test_a_stream_ends_when_the_credentials_no_longer_hold(office: Office, web: Web) -> None:
    async def talk() -> None:
        listener = await Listener.open(web)
        await listener.event()
        office.update("Account", web.ids["alice"], {"isEnabled": False})
        await new_mailbox(web, "Secret")
        assert await listener.ended()

    web.run(talk())


def test_a_stream_ends_when_other_accounts_may_be_seen_and_the_client_comes_back(office: Office, web: Web) -> None:
    async def talk() -> None:
        listener = await Listener.open(web)
        _, id, _ = await listener.event()
        office.update("Account", web.ids["bob"], {"delegates": {web.ids["alice"]: "read"}})
        await new_mailbox(web, "Plans")
        assert await listener.ended()
        again = await Listener.open(web, headers={"last-event-id": id})
        await again.event()
        changed = (await again.event())[2]["changed"]
        assert changed[web.ids["alice"]] == {"Mailbox": state(web)}
        assert changed[web.ids["bob"]]["Mailbox"] == state(web, "bob")
        await again.leave()

    web.run(talk())


def test_a_client_that_goes_away_leaves_nothing_behind(web: Web) -> None:
    async def talk() -> None:
        listeners = [await Listener.open(web) for _ in range(20)]
        for listener in listeners:
            await listener.event()
        assert web.bridge.feed.accounts == {web.ids["alice"], DIRECTORY}
        await asyncio.gather(*(listener.leave() for listener in listeners))
        assert web.bridge.feed.accounts == {DIRECTORY}

    web.run(talk())
    gc.collect()


def test_open_streams_end_when_the_server_stops(web: Web) -> None:
    async def talk() -> None:
        listener = await Listener.open(web)
        await listener.event()
        await web.app.close()
        assert await listener.ended()
        await listener.exchange.task
        assert web.bridge.feed.accounts == {DIRECTORY}

    web.run(talk())


def test_head_asks_without_opening_a_stream(web: Web) -> None:
    reply = web.ask("HEAD", EVERYTHING)
    assert (reply.status, reply.body) == (200, b"")
    assert web.bridge.feed.accounts == {DIRECTORY}


def test_one_account_cannot_open_streams_without_end(web: Web) -> None:
    async def talk() -> None:
        listeners = [await Listener.open(web) for _ in range(100)]
        for listener in listeners:
            await listener.event()
        refused = await web.begin("GET", EVERYTHING).whole()
        assert refused.problem() == (429, "limit")
        await (await Listener.open(web, user="bob")).leave()
        await asyncio.gather(*(listener.leave() for listener in listeners))

    web.run(talk())


def test_an_app_password_is_told_only_of_what_it_opens(web: Web) -> None:
    async def talk() -> None:
        headers = {**app_password, "last-event-id": "unreadable"}
        listener = await Listener.open(web, headers=headers)
        await listener.event()
        told = (await listener.event())[2]["changed"]
        assert told[web.ids["alice"]].keys() == {"VacationResponse"}
        await listener.leave()

    create = {"p": {"label": "a program", "scope": ["vacation"]}}
    made = web.call(("AppPassword/set", {"accountId": web.ids["alice"], "create": create}), using=[CORE, APP_PASSWORD])
    secret = made["methodResponses"][0][1]["created"]["p"]["secret"]
    app_password = {"authorization": f"Bearer {secret}"}
    web.run(talk())


def test_a_delivery_is_told_to_those_who_wait_for_nothing_else(web: Web) -> None:
    async def talk() -> None:
        alice = web.ids["alice"]
        listener = await Listener.open(web, "/jmap/eventsource?types=EmailDelivery&closeafter=no&ping=0")
        await listener.event()
        await new_mailbox(web, "Plans")
        email = await web.bridge.write(lambda tx: deliver(tx, alice, b"Subject: x\r\n\r\nx"))
        delivered = web.office.store.read(lambda view: view.state(EMAIL_DELIVERY, alice))
        assert (await listener.event())[2]["changed"] == {alice: {"EmailDelivery": str(delivered)}}
        seen = struct_replace(email, keywords={"$seen": True})
        await web.bridge.write(lambda tx: tx.write(EMAIL, alice, email, seen))
        await web.bridge.write(lambda tx: deliver(tx, alice, b"Subject: y\r\n\r\ny"))
        later = web.office.store.read(lambda view: view.state(EMAIL_DELIVERY, alice))
        assert (await listener.event())[2]["changed"] == {alice: {"EmailDelivery": str(later)}}
        await listener.leave()

    web.run(talk())


def test_an_idle_stream_ends_when_the_credentials_no_longer_hold(office: Office, make_web: WebMaker) -> None:
    web = make_web(timing=Timing(gather=0, recheck=0.01))

    async def talk() -> None:
        listener = await Listener.open(web)
        await listener.event()
        office.update("Account", web.ids["alice"], {"isEnabled": False})
        assert await listener.ended()

    web.run(talk())


def test_changes_that_are_not_wanted_do_not_keep_pings_away(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(ping_least=0.01, ping_most=0.02, gather=0))

    async def talk() -> None:
        listener = await Listener.open(web, "/jmap/eventsource?types=Email&closeafter=no&ping=30")
        await listener.event()
        noise = asyncio.ensure_future(_make_noise(web))
        assert (await listener.event())[0] == "ping"
        noise.cancel()
        await listener.leave()

    web.run(talk())


async def _make_noise(web: Web) -> None:
    for number in range(1_000, 1_000_000):
        web.bridge.feed.publish({web.ids["alice"]: {"Mailbox": number}})
        await asyncio.sleep(0.001)


def test_news_that_overtake_one_another_are_neither_lost_nor_told_twice(web: Web) -> None:
    async def talk() -> None:
        alice = web.ids["alice"]
        listener = await Listener.open(web)
        await listener.event()
        web.bridge.feed.publish({alice: {"Mailbox": 1_006}})
        _, id, data = await listener.event()
        assert data["changed"] == {alice: {"Mailbox": "1006"}}
        position = Position.parse(id)
        assert position is not None
        assert position.missed({alice: {"Mailbox": 1_006, "Email": 1_005}})[alice] == {"Email": 1_005}
        web.bridge.feed.publish({alice: {"Mailbox": 1_004, "Email": 1_005}})
        assert (await listener.event())[2]["changed"] == {alice: {"Email": "1005"}}
        await listener.leave()

    web.run(talk())
