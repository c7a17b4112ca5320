"""Hooks in Python: what they are asked, how long they are waited for, and how they are found."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.servers.smtp.hook import Hook, HookError, HookStage, HookThreads, load_hooks
from pillarbox.servers.smtp.patience import Patience, PatientStage
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.stage import AddField, Answer, Changes, Content, Envelope, Stage
from pillarbox.servers.smtp.stages import Stages
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender

PEER = Peer(id="c1", kind=Kind.INBOUND, address="192.0.2.1")
ENVELOPE = Envelope(id="x1", sender=None, parameters=MailParameters())
CONTENT = Content(data=b"Subject: one\r\n\r\nhello\r\n")
NO = Reply(550, "5.7.1", "no")


class Marks(Hook):
    """Refuses a recipient, marks messages, and remembers in which thread it was asked."""

    def __init__(self) -> None:
        self.threads = set[str]()

    def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        self.threads.add(threading.current_thread().name)
        return NO if recipient.recipient.local == "nobody" else None

    def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        return Changes(fields=(AddField("X-Seen", "yes"),))


class Never(Stage):
    """Answers nothing, ever."""

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        await asyncio.Event().wait()
        return None


class Breaks(Stage):
    """Has a fault."""

    async def connect(self, peer: Peer) -> Answer:
        raise RuntimeError("oh")


def test_a_hook_is_asked_in_a_thread_and_only_for_what_it_cares_for() -> None:
    hook, threads = Marks(), HookThreads()

    async def go() -> list[object]:
        stage = HookStage(hook, threads)
        assert await stage.connect(PEER) is None
        assert await stage.hello(PEER) is None
        assert "pool" not in vars(threads)  # nothing has needed a thread so far
        return [
            await stage.recipient(PEER, ENVELOPE, Recipient(Address("nobody", "example.org"))),
            await stage.recipient(PEER, ENVELOPE, Recipient(Address("bob", "example.org"))),
            await stage.message(PEER, ENVELOPE, CONTENT),
        ]

    assert asyncio.run(go()) == [NO, None, Changes(fields=(AddField("X-Seen", "yes"),))]
    assert all(name.startswith("hook") for name in hook.threads)


@pytest.mark.parametrize(("on_failure", "code"), [("later", 451), ("reject", 554), ("accept", None)])
def test_what_happens_when_a_hook_fails_is_a_setting(
    on_failure: str, code: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> list[Answer]:
        patience = Patience(name="it", seconds=0.01, on_failure=on_failure)  # type: ignore[arg-type]
        slow, broken = PatientStage(Never(), patience), PatientStage(Breaks(), patience)
        return [await slow.sender(PEER, Sender(None, MailParameters())), await broken.connect(PEER)]

    with caplog.at_level(logging.ERROR):
        answers = asyncio.run(go())
    assert [answer.code if answer is not None else None for answer in answers] == [code, code]
    assert {record.__dict__["values"]["why"] for record in caplog.records} == {"no answer in time", "RuntimeError"}


def test_a_hook_that_hangs_in_its_thread_is_not_waited_for() -> None:
    let_go = threading.Event()

    class Hangs(Hook):
        def hello(self, peer: Peer) -> Answer:
            let_go.wait()
            return None

    async def go() -> Answer:
        try:
            return await PatientStage(HookStage(Hangs(), HookThreads()), Patience(name="it", seconds=0.01)).hello(PEER)
        finally:
            let_go.set()

    answer = asyncio.run(go())
    assert answer is not None
    assert answer.code == 451


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with four hooks."""
    (tmp_path / "hooked_mail.py").write_text(
        "from pillarbox.servers.smtp.hook import Hook\n"
        "from pillarbox.wire.smtp.reply import Reply\n"
        "class NoInvoices(Hook):\n"
        "    def message(self, peer, envelope, content):\n"
        "        return Reply(550, '5.7.1', 'no invoices') if b'invoice' in content.data else None\n"
        "wrong = int\n"
    )
    info = tmp_path / "hooked_mail-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hooked-mail\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[pillarbox.hooks]\nno-invoices = hooked_mail:NoInvoices\nwrong = hooked_mail:wrong\ngone = hooked_mail:gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("hooked_mail", None)


@pytest.mark.usefixtures("package")
def test_an_installed_hook_is_found_by_its_name() -> None:
    stages = Stages(load_hooks(["no-invoices"], 5.0, "later"))
    refused = Content(data=b"Subject: x\r\n\r\nyour invoice\r\n")
    answer = asyncio.run(stages.message(PEER, ENVELOPE, refused))
    assert answer == Reply(550, "5.7.1", "no invoices")
    assert not isinstance(asyncio.run(stages.message(PEER, ENVELOPE, CONTENT)), Reply)


@pytest.mark.usefixtures("package")
def test_a_hook_that_cannot_be_had_is_told_before_mail_comes() -> None:
    with pytest.raises(HookError, match="no installed package offers; there are: gone, no-invoices, wrong"):
        load_hooks(["unheard-of"], 5.0, "later")
    with pytest.raises(HookError, match="the hook gone cannot be loaded: AttributeError"):
        load_hooks(["gone"], 5.0, "later")
    with pytest.raises(HookError, match="makes a int, which is neither a Hook nor a Stage"):
        Stages(load_hooks(["wrong"], 5.0, "later"))
