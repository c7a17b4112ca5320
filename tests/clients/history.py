"""Clients that live through a random history on one account, and keep what they know by changes alone.

Each client holds a copy of every Mailbox, Email and Thread and the ids of some queries, renewed only by Foo/changes
(RFC 8620 §5.2) and Foo/queryChanges (RFC 8620 §5.6). Whatever happened, a copy has to equal a fresh Foo/get and
Foo/query of the same moment, and the counters have to equal a count. A seed tells the same acts again:
`python -m tests.clients.history --seed 7 --steps 3000`.
"""

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.account_copy import Copy
from tests.clients.client import Client, Json, MethodError
from tools.demo_process import DemoProcess

KEYWORDS = ["$seen", "$flagged", "$answered", "$forwarded", "$junk", "project-x", "$draft"]
WORDS = ["harbour", "roof", "kestrel", "invoice", "Übung", "東京", "tea"]
MAX_BOXES, MAX_EMAILS = 12, 120


class History:
    """A seeded run of steps of several clients on one account."""

    def __init__(self, clients: list[Client], seed: int) -> None:
        self.chance = random.Random(seed)
        self.copies = [Copy(client, self.chance) for client in clients]
        self.log: list[str] = []
        self._threads: list[str] = []  # message ids that a new mail may answer

    def run(self, steps: int, checkpoint: int = 50) -> None:
        """Take the steps, and check all copies now and then. Raises AssertionError with the last steps."""
        for step in range(1, steps + 1):
            try:
                self.step()
                if step % checkpoint == 0 or step == steps:
                    self.check()
            except Exception as error:
                raise AssertionError(f"step {step}: {error}; the last steps:\n" + "\n".join(self.log[-12:])) from error

    def step(self) -> None:
        """One of the clients does something."""
        copy = self.chance.choice(self.copies)
        act = self.chance.choices(*zip(*_ACTS, strict=True))[0]
        self.log.append(f"{len(self.log) + 1}: {act.__name__} {act(self, copy)}")

    def check(self) -> None:
        """Nobody does anything: all catch up, and know what there is. Raises AssertionError."""
        for copy in self.copies:
            copy.renew()
            copy.check()

    # ------------------------------------------------------------------------------------------------ acts

    def renew(self, copy: Copy) -> str:
        copy.renew()
        return "and know all"

    def add(self, copy: Copy) -> str:
        many = self.chance.choice([1, 1, 1, 2, 5])
        answer = copy.client.call("Email/set", create={f"n{i}": self._email(copy) for i in range(many)})
        created = answer["created"] or {}
        for name in created:
            self._threads.append(f"{created[name]['id']}@h.example")
        return f"{len(created)} new, {_refused(answer)}"

    def _email(self, copy: Copy) -> Json:
        boxes = self.chance.sample(copy.ids("Mailbox"), k=min(len(copy.ids("Mailbox")), self.chance.choice([1, 1, 2])))
        parent = self.chance.choice(copy.message_ids()) if copy.message_ids() and self.chance.random() < 0.5 else None
        subject = self.chance.choice(WORDS) if parent is None else "Re: " + copy.subject_of(parent)
        word = self.chance.choice(WORDS)
        return {
            "mailboxIds": dict.fromkeys(boxes, True),
            "keywords": dict.fromkeys(self.chance.sample(KEYWORDS, k=self.chance.choice([0, 1, 2])), True),
            "from": [{"email": f"{self.chance.choice('abc')}@h.example"}],
            "subject": subject,
            "receivedAt": f"2026-0{self.chance.randint(1, 9)}-0{self.chance.randint(1, 9)}T00:00:00Z",
            "messageId": [f"{self.chance.getrandbits(64):x}@h.example"],
            **({"inReplyTo": [parent], "references": [parent]} if parent else {}),
            "bodyValues": {"t": {"value": f"{word} and {self.chance.choice(WORDS)}\n"}},
            "textBody": [{"partId": "t", "type": "text/plain"}],
        }

    def flag(self, copy: Copy) -> str:
        updates = {}
        for id in self._some(copy, "Email"):
            word = self.chance.choice(KEYWORDS)
            whole = dict.fromkeys(self.chance.sample(KEYWORDS, k=2), True)
            one = {f"keywords/{word}": self.chance.choice([True, None])}
            updates[id] = self.chance.choice([one, one, {"keywords": whole}])
        return f"{updates} {_refused(copy.client.call('Email/set', update=updates))}"

    def move(self, copy: Copy) -> str:
        updates = {}
        for id in self._some(copy, "Email"):
            box = self.chance.choice(copy.ids("Mailbox"))
            updates[id] = self.chance.choice(
                [{"mailboxIds": {box: True}}, {f"mailboxIds/{box}": True}, {f"mailboxIds/{box}": None}]
            )
        return f"{updates} {_refused(copy.client.call('Email/set', update=updates))}"

    def destroy(self, copy: Copy) -> str:
        over = len(copy.ids("Email")) > MAX_EMAILS
        ids = self._some(copy, "Email") if not over else self.chance.sample(copy.ids("Email"), k=MAX_EMAILS // 3)
        return f"{ids} {_refused(copy.client.call('Email/set', destroy=ids))}"

    def add_box(self, copy: Copy) -> str:
        if len(copy.ids("Mailbox")) >= MAX_BOXES:
            return "no more"
        parent = self.chance.choice([None, *copy.ids("Mailbox")])
        box = {"name": self.chance.choice("ABCDEF"), "parentId": parent}
        return f"{box} {_refused(copy.client.call('Mailbox/set', create={'b': box}))}"

    def change_box(self, copy: Copy) -> str:
        id = self.chance.choice(copy.ids("Mailbox"))
        patch = self.chance.choice(
            [
                {"name": self.chance.choice("ABCDEF")},
                {"parentId": self.chance.choice([None, *copy.ids("Mailbox")])},
                {"sortOrder": self.chance.randint(0, 9)},
                {"isSubscribed": self.chance.random() < 0.5},
            ]
        )
        if copy.known["Mailbox"][id]["role"]:
            patch = {"sortOrder": self.chance.randint(0, 9)}
        return f"{id} {patch} {_refused(copy.client.call('Mailbox/set', update={id: patch}))}"

    def destroy_box(self, copy: Copy) -> str:
        id = self.chance.choice([id for id in copy.ids("Mailbox") if not copy.known["Mailbox"][id]["role"]] or ["none"])
        remove = self.chance.random() < 0.7
        answer = copy.client.call("Mailbox/set", destroy=[id], onDestroyRemoveEmails=remove)
        return f"{id} {remove} {_refused(answer)}"

    def copy_blob(self, copy: Copy) -> str:
        """The same octets once more, in a mailbox of its own choice: a second email with one Message-ID."""
        if not copy.ids("Email"):
            return "nothing"
        id = self.chance.choice(copy.ids("Email"))
        found = copy.client.get("Email", [id], properties=["blobId"])
        if not found:
            return "gone"
        email = {"blobId": found[id]["blobId"], "mailboxIds": {self.chance.choice(copy.ids("Mailbox")): True}}
        try:
            answer = copy.client.call("Email/import", emails={"i": email})
        except MethodError as error:
            return error.type
        return f"{id} {answer.get('notCreated')}"

    def _some(self, copy: Copy, kind: str) -> list[str]:
        ids = copy.ids(kind)
        return self.chance.sample(ids, k=min(len(ids), self.chance.choice([1, 1, 2, 6])))


_ACTS: list[tuple[Any, int]] = [
    (History.renew, 25),
    (History.add, 14),
    (History.flag, 22),
    (History.move, 14),
    (History.destroy, 7),
    (History.add_box, 4),
    (History.change_box, 5),
    (History.destroy_box, 2),
    (History.copy_blob, 3),
]


def _refused(answer: Json) -> str:
    kinds = ("notCreated", "notUpdated", "notDestroyed")
    return ", ".join(f"{id}: {error['type']}" for kind in kinds for id, error in (answer.get(kind) or {}).items())


def live_through(demo: DemoProcess, steps: int, seed: int, clients: int = 3) -> None:
    """Several clients of bob's for so many steps."""
    user = next(user for user in demo.ready.users if user.name.startswith("bob"))
    opened = [Client(demo.ready.session_url, user.name, user.password) for _ in range(clients)]
    try:
        History(opened, seed).run(steps)
    finally:
        for client in opened:
            client.__exit__()


def main() -> None:
    """Run a history by hand."""
    parser = argparse.ArgumentParser(description="Live through a random history and compare.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, DemoProcess(Path(folder) / "data", port_base=0) as demo:
        live_through(demo, given.steps, given.seed)


if __name__ == "__main__":
    main()
