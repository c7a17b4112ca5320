"""Clients that change things as fast as they are answered, and keep the ledger of what was acknowledged."""

import contextlib
import http.client
import json
import random
import smtplib
import threading
from collections.abc import Callable
from typing import Any

from pillarbox.storage.blob import blob_id
from tests.clients.client import Client, Json, MethodError
from tests.crash.ledger import GONE, Change, Key, Ledger
from tests.crash.server import USERS, Server

KEYWORDS = ("$seen", "$flagged", "$answered", "work")
LARGE = 300_000  # octets: in a file of its own
MOST = 60  # emails of one client
UNKNOWN = "may have been written"  # said when the connection to a database broke in a commit
REFUSED = (MethodError, AssertionError)  # a method, or the whole request
LOST = (OSError, http.client.HTTPException, smtplib.SMTPException, EOFError)


class Unexpected(AssertionError):
    """An answer that no server may give while nothing is wrong but that it is killed."""


class LoadClient(Client):
    """A client that knows of an answer that tells nothing: the request was cut off as the server ended."""

    def __init__(self, server: Server, user: str, secret: str) -> None:
        self.server = server
        super().__init__(server.session_url, user, secret)

    def http(self, method: str, url: str, body: bytes | None = None, type: str = "application/json") -> bytes:
        try:
            return super().http(method, url, body, type)
        except AssertionError as error:
            if self.server.is_stopping and error.args[0][2] == 503:
                raise ConnectionError(str(error)) from error
            raise


class Loader:
    """One client of one account: its acts, one after the other, until the connection breaks."""

    def __init__(self, server: Server, user: str, secret: str, name: str, seed: int) -> None:
        self.server, self.user, self.secret, self.name = server, user, secret, name
        self.chance = random.Random(seed)
        self.ledger = Ledger()
        self.serial = 0
        self.tolerates = False  # whether refusals are expected
        self.doubts_mail = False  # whether a message that is refused for now may be there all the same
        self.refusals: list[str] = []
        self.large = False  # whether all messages are
        self.roles: dict[str, str] = {}  # the ids of the mailboxes that stay
        self._identity = ""
        self._client: Client | None = None
        self._lmtp: smtplib.LMTP | None = None

    def run(self, begun: threading.Semaphore, stop: threading.Event, failures: list[BaseException]) -> None:
        """Act until told to stop; come back when a connection breaks."""
        with contextlib.suppress(*LOST):
            self.client, self.lmtp  # noqa: B018 -- connects
        begun.release()
        while not stop.is_set():
            try:
                self.act()
            except LOST:
                self.hang_up()
                stop.wait(0.01)
            except BaseException as error:  # noqa: BLE001 -- told by who started the thread
                failures.append(error)
                return

    @property
    def client(self) -> Client:
        if self._client is None:
            try:
                self._client = LoadClient(self.server, self.user, self.secret)
            except AssertionError as error:  # an answer of a server that is in trouble
                raise ConnectionError(str(error)) from error
        return self._client

    @property
    def identity(self) -> str:
        """The id of the user's identity."""
        if not self._identity:
            try:
                self._identity = next(iter(self.client.get("Identity", None)))
            except REFUSED as error:
                raise ConnectionError(str(error)) from error
        return self._identity

    @property
    def lmtp(self) -> smtplib.LMTP:
        if self._lmtp is None:
            self._lmtp = smtplib.LMTP("127.0.0.1", self.server.lmtp_port, timeout=30)
            self._lmtp.ehlo()
        return self._lmtp

    def hang_up(self) -> None:
        """Forget the connections."""
        with contextlib.suppress(*LOST):
            if self._client is not None:
                self._client._connection.close()
            if self._lmtp is not None:
                self._lmtp.close()
        self._client = self._lmtp = None

    def act(self) -> None:
        """One act by chance."""
        acts, weights = zip(*_ACTS, strict=True)
        act: Callable[[Loader], None] = self.chance.choices(acts, weights)[0]
        if len(self.ledger.certain(self.user, "Email")) > MOST:
            act = Loader.destroy
        act(self)

    # --- what is made

    def _new_key(self, kind: str = "Email", user: str = "") -> Key:
        self.serial += 1
        return (user or self.user, kind, f"{self.name}-{self.serial}")

    def _message(self, key: Key) -> bytes:
        size = self.chance.choice((100, 1_000, 3_000, 20_000, 20_000, LARGE if self.chance.random() < 0.2 else 500))
        size = LARGE if self.large else size
        line = bytes(self.chance.choices(b"abcdefghij klmnop", k=70)) + b"\r\n"
        head = f"Message-ID: <{key[2]}@load>\r\nSubject: {self.chance.choice('abc')}\r\n\r\n{self.chance.random()}\r\n"
        return head.encode() + line * (size // 72)

    def deliver(self) -> None:
        """By LMTP: to this account, now and then to both."""
        users = list(USERS) if self.chance.random() < 0.3 else [self.user]
        key = self._new_key()
        message, keys = self._message(key), [(user, "Email", key[2]) for user in users]
        lmtp = self.lmtp
        lmtp.mail("x@example.net")
        for user in users:
            code, said = lmtp.rcpt(user)
            if code != 250:
                self._refusal(f"{code} {said!r}")
                lmtp.rset()
                return
        change = self.ledger.begin(dict.fromkeys(keys, (frozenset(), "inbox")))
        for one in keys:
            self.ledger.promises[one].octets = message
        lmtp.putcmd("data")
        lmtp.getreply()
        lmtp.send(b"".join(b"." * (line[:1] == b".") + line for line in message.splitlines(keepends=True)) + b".\r\n")
        for one in keys:
            code, said = lmtp.getreply()
            if code == 250:
                self.ledger.done(change, [one])
                continue
            if not self.doubts_mail:
                self.ledger.refused(change, [one])
            self._refusal(f"{code} {said!r}")

    def create(self) -> None:
        """Some drafts in one Email/set."""
        change = self.ledger.begin(
            {self._new_key(): (self._some_keywords() | {"$draft"}, self._some_box()) for _ in range(self._few())}
        )
        creations = {key[2]: self._draft(key, value) for key, value in change.news.items()}
        self._set("Email", change, create=creations)

    def _draft(self, key: Key, value: Any) -> Json:
        words, box = value
        return {
            "mailboxIds": {self._box_id(box): True},
            "keywords": dict.fromkeys(words, True),
            "messageId": [f"{key[2]}@load"],
            "from": [{"email": self.user}],
            "subject": "draft",
            "bodyValues": {"t": {"value": f"text of {key[2]}"}},
            "textBody": [{"partId": "t", "type": "text/plain"}],
        }

    def bring(self) -> None:
        """A blob, and an Email/import of it."""
        key = self._new_key()
        message = self._message(key)
        blob = self._upload(message)
        if not blob:
            return
        value = (self._some_keywords(), self._some_box())
        change = self.ledger.begin({key: value})
        self.ledger.promises[key].octets = message
        email = {
            "blobId": blob,
            "mailboxIds": {self._box_id(value[1]): True},
            "keywords": dict.fromkeys(value[0], True),
        }
        try:
            answer = self.client.call("Email/import", emails={key[2]: email})
        except REFUSED as error:
            self._refuse(change, str(error)[:300])
            return
        self._settle(change, answer, {})

    def upload(self) -> None:
        """A blob that nobody refers to."""
        self._upload(self._message(self._new_key("Blob")))

    def _upload(self, data: bytes) -> str:
        key = (self.user, "Blob", blob_id(data))
        change = self.ledger.begin({key: "there"})
        self.ledger.promises[key].octets = data
        try:
            answer = self.client.upload(data, "message/rfc822")
        except AssertionError as error:
            self._refuse(change, str(error)[:300])
            return ""
        if answer["blobId"] != key[2]:
            raise Unexpected(f"{answer} is not {key}")
        self.ledger.done(change)
        self.ledger.promises[key].id = key[2]
        return key[2]

    def submit(self) -> None:
        """A draft, and its submission to the other account, in one request."""
        key, identity = self._new_key(), self.identity
        value: Any = (frozenset({"$draft"}), "drafts")
        other = next(user for user in USERS if user != self.user)
        change = self.ledger.begin({key: value})
        sent = self.ledger.begin({(other, "Email", key[2]): (frozenset(), "inbox")})
        draft = self._draft(key, value) | {"to": [{"email": other}]}
        create = {"s": {"emailId": "#d", "identityId": identity}}
        calls = ("Email/set", {"create": {"d": draft}}), ("EmailSubmission/set", {"create": create})
        try:
            made, answer = self.client.request(*calls)[:2]
        except AssertionError as error:
            self._refuse(change, str(error)[:300])
            self._refuse(sent, str(error)[:300])
            return
        if (made[1].get("created") or {}).get("d"):
            self.ledger.done(change)
            self.ledger.promises[key].id = made[1]["created"]["d"]["id"]
        else:
            self._refuse(change, json.dumps(made[1]))
        if (answer[1].get("created") or {}).get("s"):
            self.ledger.done(sent)
        else:
            self._refuse(sent, json.dumps(answer[1]))

    # --- what is changed

    def flag(self) -> None:
        """Keywords of some emails."""
        news = {key: (self._some_keywords(), old[1]) for key, old in self._some_emails()}
        self._update(news, lambda new: {"keywords": dict.fromkeys(new[0], True)})

    def move(self) -> None:
        """Some emails to other mailboxes."""
        news = {key: (old[0], self._some_box()) for key, old in self._some_emails()}
        self._update(news, lambda new: {"mailboxIds": {self._box_id(new[1]): True}})

    def _update(self, news: dict[Key, Any], patch: Callable[[Any], Json]) -> None:
        if news:
            update = {self.ledger.promises[key].id: patch(new) for key, new in news.items()}
            self._set("Email", self.ledger.begin(news), update=update)

    def destroy(self) -> None:
        """Some emails."""
        keys = [key for key, _ in self._some_emails(8)]
        if keys:
            ids = [self.ledger.promises[key].id for key in keys]
            self._set("Email", self.ledger.begin(dict.fromkeys(keys, GONE)), destroy=ids)

    def make_box(self) -> None:
        """A mailbox; another name for one, or its end, when there are some."""
        keys = self.ledger.certain(self.user, "Mailbox")
        if len(keys) < 3:
            key = self._new_key("Mailbox")
            create = {key[2]: {"name": f"{key[2]} 0"}}
            self._set("Mailbox", self.ledger.begin({key: "0"}), create=create)
            return
        key = self.chance.choice(keys)
        id = self.ledger.promises[key].id
        if self.chance.random() < 0.3:
            self._set("Mailbox", self.ledger.begin({key: GONE}), destroy=[id])
        else:
            new = str(self.chance.randrange(1000))
            self._set("Mailbox", self.ledger.begin({key: new}), update={id: {"name": f"{key[2]} {new}"}})

    def _set(self, kind: str, change: Any, **arguments: Any) -> None:
        ids = {self.ledger.promises[key].id: key for key in change.news}
        try:
            answer = self.client.call(f"{kind}/set", **arguments)
        except REFUSED as error:
            self._refuse(change, str(error)[:300])
            return
        self._settle(change, answer, ids)

    def _settle(self, change: Any, answer: Json, ids: dict[str, Key]) -> None:
        by_name = {key[2]: key for key in change.news}
        created = answer.get("created") or {}
        for name, made in created.items():
            self.ledger.promises[by_name[name]].id = made["id"]
        done = [by_name[name] for name in created]
        done += [ids[id] for id in (*(answer.get("updated") or ()), *(answer.get("destroyed") or ()))]
        if not done or len(done) < len(change.news):
            self._refusal(json.dumps(answer))
        self.ledger.done(change, done) if done else None
        if change.news:
            self.ledger.refused(change)

    def _refuse(self, change: Change, said: str) -> None:
        """It was answered that nothing was changed; or that nobody knows, and then it may have been."""
        self._refusal(said)
        if UNKNOWN not in said:
            self.ledger.refused(change)

    def _refusal(self, said: str) -> None:
        if said.startswith("421 "):  # it ends, as it was told to
            raise ConnectionError(said)
        if not self.tolerates:
            raise Unexpected(said)
        self.refusals.append(said)

    # --- chance

    def _few(self) -> int:
        return self.chance.choice((1, 1, 1, 2, 5))

    def _some_keywords(self) -> frozenset[str]:
        return frozenset(self.chance.sample(KEYWORDS, self.chance.choice((0, 1, 2))))

    def _some_box(self) -> str:
        return self.chance.choice(("inbox", "drafts", "archive", "trash"))

    def _box_id(self, role: str) -> str:
        return str(self.roles[role])

    def _some_emails(self, most: int = 3) -> list[tuple[Key, Any]]:
        keys = self.ledger.certain(self.user, "Email")
        some = self.chance.sample(keys, min(len(keys), self.chance.randint(1, most)))
        return [(key, self.ledger.promises[key].allowed[0]) for key in some]


_ACTS: list[tuple[Callable[[Loader], None], int]] = [
    (Loader.deliver, 20),
    (Loader.create, 12),
    (Loader.bring, 10),
    (Loader.upload, 4),
    (Loader.submit, 4),
    (Loader.flag, 20),
    (Loader.move, 12),
    (Loader.destroy, 10),
    (Loader.make_box, 6),
]
