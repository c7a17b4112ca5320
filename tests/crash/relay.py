"""Rounds for mail that leaves: what was acknowledged gets to the other server, and twice only by a kill in between.

Twice is right for a message that was given, and whose end was not committed when the process was killed: nobody knows
then that it was taken. So of each that came twice, a process ended after the other server had let the content of the
first come, and before the lease could be renewed no more; and the log says once that it was relayed, since that is said
after the commit. (When the other server has read and written down the first is no measure: it may be late, and the
process that sent it be dead by then.)
"""

import contextlib
import json
import random
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from pillarbox.app.engine import Engine
from tests.crash.check import check_store, open_files
from tests.crash.load import REFUSED, Loader
from tests.crash.relay_server import LEASE_SECONDS, RelayServer
from tests.crash.rounds import Lost, Rounds
from tests.crash.server import USERS, Nursery
from tests.crash.sink import Book, Time, message
from tests.support.engine import open_engine

_SOON = LEASE_SECONDS * 1_000_000_000  # nanoseconds from another server's 250 to our commit, at most
_PATIENCE = 120.0


@dataclass
class Mail:
    """What one client asked to have sent: recipients by a message's name."""

    asked: dict[str, list[str]] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)


class Sender(Loader):
    """A client that sends, by JMAP, by submission, and by LMTP to an address that is forwarded."""

    def __init__(self, server: RelayServer, user: str, secret: str, name: str, seed: int) -> None:
        super().__init__(server, user, secret, name, seed)
        self.relaying, self.mail = server, Mail()
        self._smtp: smtplib.SMTP | None = None

    def act(self) -> None:
        """Send one message."""
        self.serial += 1
        name = f"{self.name}-{self.serial}"
        self.chance.choice((self._forward, self._forward, self._submit, self._submit_by_jmap))(name)
        time.sleep(0.004 * self.chance.random())  # so that the queue does not grow for ever

    def hang_up(self) -> None:
        super().hang_up()
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None

    @property
    def smtp(self) -> smtplib.SMTP:
        if self._smtp is None:
            self._smtp = smtplib.SMTP("127.0.0.1", self.relaying.submission_port, timeout=30)
            self._smtp.login(self.user, self.secret)
        return self._smtp

    def _some_recipients(self, name: str) -> list[str]:
        return [f"{name}.{number}@example.net" for number in range(self._few())]

    def _text(self, name: str) -> bytes:
        return message(name, self.chance.choice((100, 1_000, 10_000, 10_000)))

    def _forward(self, name: str) -> None:
        self.mail.asked[name] = ["away@example.net"]
        try:
            self.lmtp.sendmail("x@example.net", "forward@example.org", self._text(name))
        except smtplib.SMTPResponseException as error:
            self._refusal(f"{error.smtp_code} {error.smtp_error!r}")
        self.mail.acknowledged.add(name)

    def _submit(self, name: str) -> None:
        to = self.mail.asked[name] = self._some_recipients(name)
        try:
            self.smtp.sendmail(self.user, to, self._text(name).replace(USERS[0].encode(), self.user.encode()))
        except smtplib.SMTPResponseException as error:
            self._refusal(f"{error.smtp_code} {error.smtp_error!r}")
        self.mail.acknowledged.add(name)

    def _submit_by_jmap(self, name: str) -> None:
        identity, to = self.identity, self._some_recipients(name)
        text = self._text(name).replace(USERS[0].encode(), self.user.encode())
        self.mail.asked[name] = to
        try:
            blob = self.client.upload(text, "message/rfc822")["blobId"]
            email = {"blobId": blob, "mailboxIds": {self._drafts(): True}, "keywords": {"$draft": True}}
            envelope = {"mailFrom": {"email": self.user}, "rcptTo": [{"email": one} for one in to]}
            create = {"s": {"emailId": "#d", "identityId": identity, "envelope": envelope}}
            calls: Any = ("Email/import", {"emails": {"d": email}}), ("EmailSubmission/set", {"create": create})
            answers = self.client.request(*calls)
        except REFUSED as error:
            self._refusal(str(error)[:300])
            return
        if not (answers[1][1].get("created") or {}).get("s"):
            self._refusal(json.dumps(answers))
        self.mail.acknowledged.add(name)

    def _drafts(self) -> str:
        if not self.roles:
            self.roles = {role: box["id"] for role, box in self.client.mailboxes().items()}
        return self.roles["drafts"]


class RelayRounds(Rounds):
    """One installation whose mail leaves, and that is crashed again and again."""

    def __init__(self, folder: Path, nursery: Nursery, *, seed: int, workers: int = 2, url: str = "") -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.load = 4.0 if url else 1.0  # a start upon PostgreSQL takes longer to come into its stride
        self.book = Book(folder / "book")
        try:
            self.server: RelayServer = RelayServer(folder, nursery, self.book, workers=workers, url=url)
            self.secrets = self.server.make_users()
            with Engine(self.server.data, url=url or None) as engine:
                engine.create("Alias", {"address": "forward@example.org", "forwardTo": ["away@example.net"]})
            self.server.start()
            self.server.wait_ready()
        except BaseException:
            self.book.close()
            raise
        self.senders = [
            Sender(self.server, user, self.secrets[user], f"{user[0]}{number}", seed * 100 + 10 * number + n)
            for n, user in enumerate(USERS)
            for number in range(2)
        ]
        self.loaders = list[Loader](self.senders)
        self.kinds, self.checks, self.taken, self.twice = Counter[str](), 0, 0, 0
        self._files = open_files(self.server.pid)

    @property
    def acknowledged(self) -> int:
        return sum(len(sender.mail.acknowledged) for sender in self.senders)

    def run(self, count: int, *, verify_every: int = 25, tell: Callable[[str], None] = lambda _: None) -> None:
        """So many rounds, and then all mail has to have left. Raises Lost."""
        for number in range(1, count + 1):
            kind = self._round()
            self.kinds[kind.__name__.strip("_")] += 1
            if number % verify_every == 0 or number == count:
                tell(f"{number} rounds, {self.acknowledged} acknowledged, {self._waiting()} wait, {dict(self.kinds)}")
                self.settle()
        self.settle()

    def _supervisor(self) -> None:
        with self.server.end_of_workers():
            super()._supervisor()

    def settle(self) -> None:
        """Wait until the queue is empty, and compare. Raises Lost."""
        deadline = time.monotonic() + _PATIENCE
        while left := self._waiting():
            if time.monotonic() > deadline:
                raise Lost(f"seed {self.seed}: {left} do not leave:\n{self.server.log.read_text()[-3000:]}")
            time.sleep(0.05)
        self.checks += 1
        if wrong := self.compare() + self._submissions() + check_store(self.server):
            raise Lost(f"seed {self.seed}:\n" + "\n".join(wrong[:30]))

    def close(self) -> None:
        """Stop it, and end the sink."""
        self.book.close()
        super().close()

    def compare(self) -> list[str]:
        """What is wrong with what the other server took, in words."""
        self.server.read_log()
        taken, asked, certain = self.book.read(), set[tuple[str, str]](), set[tuple[str, str]]()
        for mail in (sender.mail for sender in self.senders):
            asked |= {(name, to) for name, tos in mail.asked.items() for to in tos}
            certain |= {(name, to) for name in mail.acknowledged for to in mail.asked[name]}
        wrong = [f"lost: {key}" for key in sorted(certain - taken.keys())]
        wrong += [f"nobody asked for it: {key}" for key in sorted(taken.keys() - asked)]
        wrong += [
            f"{key} came again after {(again.end - first.end) / 1e9:.3f} s, and no process ended on the first time"
            f" (content from {(first.begin - first.end) / 1e9:.3f} s); ends, in seconds from it:"
            f" {[tuple(round((at - first.end) / 1e9, 3) for at in kill) for kill in self.server.kills]}"
            for key, times in taken.items()
            for first, again in pairwise(times)
            if not is_explained(first, again, self.server.kills)
        ]
        self.taken, self.twice = len(taken), sum(len(times) > 1 for times in taken.values())
        return wrong + [f"{name} was relayed {n} times" for name, n in self.server.relayed.items() if n > 1]

    def _waiting(self) -> int:
        store = open_engine(self.server.data, self.server.url)
        try:
            return store.read(lambda view: int(str((view.db.row("SELECT COUNT(*) FROM outbox") or [0])[0])))
        finally:
            store.close()

    def _submissions(self) -> list[str]:
        """Submissions that do not say that their mail has left."""
        wrong = []
        with Engine(self.server.data, url=self.server.url or None) as engine:
            for account in engine.records("Account"):
                for one in engine.records("EmailSubmission", account=account["id"]):
                    statuses = (one["deliveryStatus"] or {}).values()
                    if one["undoStatus"] != "final" or not all("taken" in s["smtpReply"] for s in statuses):
                        wrong.append(f"a submission that does not know what became of it: {one}")
        return wrong


def is_explained(first: Time, again: Time, ends: Sequence[Time]) -> bool:
    """Whether a message may come again: who had given it may have ended before that was written down."""
    latest = min(again.begin, first.end + _SOON)
    return any(end.end >= first.begin and end.begin <= latest for end in ends)


def run_relay(
    folder: Path, count: int, *, seed: int, url: str = "", workers: int = 2, verify_every: int = 25
) -> RelayRounds:
    """So many rounds, from an empty store on. Raises Lost."""
    nursery = Nursery({"PILLARBOX_RELAY_ENABLED": "true"})  # as tests in general have it not
    with contextlib.closing(nursery):
        rounds = RelayRounds(folder, nursery, seed=seed, workers=workers, url=url)
        try:
            rounds.run(count, verify_every=verify_every, tell=lambda said: print(said, flush=True))
            rounds.close()
        finally:
            rounds.server.kill()
            rounds.book.close()
    return rounds
