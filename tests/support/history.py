"""Random histories of an account: everything that a client, a delivery or an administrator may do, a step at a time."""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.account import RULES as ACCOUNT_RULES
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email import EMAIL
from pillarbox.services.directory import internal_administrator
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.services.provision import connect_rules
from tests.support.mail_house import House, message

KEYWORDS = ("$seen", "$draft", "$flagged", "blue", "b_ue", "blu3")
WORDS = ("apple", "berry", "Ünïon", "日本語", "don't", "zoo")


def account_of(kind: DataType[Any]) -> str:
    return DIRECTORY if kind.directory else "a1"


class History:
    """A house in which things happen by chance; the seed repeats them."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.chance = house, random.Random(seed)
        self.admin = internal_administrator()
        self.refused = 0
        self.serial = 0
        connect_rules()
        house.store.write(self._appoint)
        self.acts: list[Callable[[], None]] = [
            *[self.receive] * 8,
            *[self.mark] * 5,
            *[self.move] * 3,
            self.destroy_email,
            self.add_mailbox,
            self.add_mailbox,
            self.change_mailbox,
            self.change_role,
            self.destroy_mailbox,
            self.reply_away,
            *[self.change_identity] * 3,
            self.change_domain,
            self.draft,
            self.many,
            *[self.flag] * 6,
        ]

    def _appoint(self, tx: Any) -> None:
        """Give the account its place in the directory, so that it may send as itself."""
        tx.add_account(DIRECTORY)
        domain = Domain(id="d1", name="example.org")
        tx.write(DOMAIN, DIRECTORY, None, domain)
        account = Account(id="a1", name="ann@example.org", domain_id=domain.id)
        ACCOUNT_RULES.furnish, furnish = (lambda *_: None), ACCOUNT_RULES.furnish  # the house is furnished
        try:
            tx.write(ACCOUNT, DIRECTORY, None, account)
        finally:
            ACCOUNT_RULES.furnish = furnish

    def step(self) -> None:
        self.chance.choice(self.acts)()

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.step()

    def set(self, type: str, **given: Any) -> None:
        directory = type in {"Domain", "Alias"}
        call: tuple[str, dict[str, Any]] = (f"{type}/set", {"accountId": DIRECTORY if directory else "a1", **given})
        ((name, answer, _),) = self.house.request(call, caller=self.admin if directory else None)
        assert name != "error", answer
        refused = [e for key in ("notCreated", "notUpdated", "notDestroyed") for e in (answer[key] or {}).values()]
        assert not [e for e in refused if e["type"] == "serverFail"], refused
        self.refused += len(refused)

    def ids(self, type: str) -> list[str]:
        account = DIRECTORY if type in {"Domain", "Alias"} else "a1"
        call: tuple[str, dict[str, Any]] = (f"{type}/get", {"accountId": account, "ids": None, "properties": []})
        answer = self.house.request(call, caller=self.admin if account == DIRECTORY else None)[0][1]
        return [record["id"] for record in answer["list"]]

    def some(self, type: str, count: int = 1) -> list[str]:
        found = self.ids(type)
        return self.chance.sample(found, min(count, len(found)))

    def boxes(self) -> dict[str, bool]:
        return dict.fromkeys(self.some("Mailbox", self.chance.choice((1, 1, 2, 3))), True)

    def receive(self) -> None:
        for _ in range(self.chance.choice((1, 2, 3))):
            self.receive_one()

    def receive_one(self) -> None:
        self.serial += 1
        topic = self.chance.randrange(5)
        headers = {"References": f"<root{topic}@example.org>", "From": f"{self.chance.choice(WORDS)} <x@example.org>"}
        if self.chance.random() < 0.3:
            headers["X-Odd"] = self.chance.choice(WORDS)
        text = " ".join(self.chance.choices(WORDS, k=3)) + "x" * self.chance.randrange(3)
        data = message(f"Topic {topic}", text, headers=headers, id=f"m{self.serial}")
        words = dict.fromkeys(self.chance.sample(KEYWORDS, self.chance.randrange(3)), True)
        # Many share a time: ties have to be broken always in the same way.
        at = 1_600_000_000_000 + self.chance.randrange(4) * 1000
        self.house.add(data, *(list(self.boxes()) or ["inbox"]), keywords=words, received_ms=at)

    def reply_away(self) -> None:
        """Something happens in another account, which is nobody's concern here."""
        self.house.add(message("Topic 1", "apple", headers={"References": "<root1@example.org>"}), account="a2")

    def draft(self) -> None:
        create = {"mailboxIds": self.boxes(), "subject": "Draft", "keywords": {"$draft": True}}
        self.set("Email", create={"d": create, "bad": {**create, "size": 1}})

    def mark(self) -> None:
        for id in self.some("Email"):
            word = self.chance.choice(KEYWORDS)
            self.set("Email", update={id: {f"keywords/{word}": self.chance.choice((True, True, None))}})

    def many(self) -> None:
        update = {
            id: {"keywords": dict.fromkeys(self.chance.sample(KEYWORDS, 2), True)} for id in self.some("Email", 4)
        }
        self.set("Email", update=update, destroy=self.some("Email"), create={"x": {"mailboxIds": {"nowhere": True}}})

    def move(self) -> None:
        for id in self.some("Email"):
            self.set("Email", update={id: {"mailboxIds": self.boxes()}})

    def destroy_email(self) -> None:
        self.set("Email", destroy=self.some("Email"))

    def add_mailbox(self) -> None:
        self.serial += 1
        parent = self.chance.choice([None, *self.some("Mailbox")])
        name = self.chance.choice((f"Box {self.serial}", "Same"))
        self.set("Mailbox", create={"b": {"name": name, "parentId": parent, "sortOrder": self.chance.randrange(3)}})

    def change_mailbox(self) -> None:
        for id in self.some("Mailbox"):
            patch = self.chance.choice(
                (
                    {"name": self.chance.choice(WORDS)},
                    {"isSubscribed": self.chance.random() < 0.5},
                    {"sortOrder": 1},
                    {"parentId": self.chance.choice([None, *self.some("Mailbox")])},
                )
            )
            self.set("Mailbox", update={id: patch})

    def flag(self) -> None:
        r"""An IMAP client sets \Deleted in a mailbox, takes it back, marks what it sees there, expunges."""
        for box in self.some("Mailbox"):
            self.house.store.write(lambda tx, box=box: self._flag(tx, box))  # type: ignore[misc]

    def _flag(self, tx: Any, box: str) -> None:
        there = tx.memberships("a1", box)
        chosen = [member.item for member in self.chance.sample(there, min(len(there), self.chance.randrange(1, 5)))]
        act = self.chance.randrange(6)
        if act < 3:
            set_deleted(tx, "a1", box, chosen, on=True)
        elif act == 3:
            set_deleted(tx, "a1", box, [member.item for member in there], on=False)
        elif act == 4:
            expunge(tx, "a1", box, [member.item for member in there])
        for email in tx.get_with_deleted(EMAIL, "a1", chosen).values():
            words = dict.fromkeys(self.chance.sample(KEYWORDS, 2), True)
            tx.write(EMAIL, "a1", email, msgspec.structs.replace(email, keywords=words))

    def change_role(self) -> None:
        """Among others, who is the trash."""
        one, two = self.some("Mailbox", 2)
        roles = {id: self.house.get("Mailbox", id, "role")["role"] for id in (one, two)}
        if self.chance.random() < 0.5:
            self.set("Mailbox", update={one: {"role": roles[two]}, two: {"role": roles[one]}})
        else:
            self.set("Mailbox", update={one: {"role": self.chance.choice((None, "trash", "archive"))}})

    def destroy_mailbox(self) -> None:
        self.set("Mailbox", destroy=self.some("Mailbox", 2), onDestroyRemoveEmails=self.chance.random() < 0.4)

    def change_identity(self) -> None:
        self.set("Identity", create={"i": {"email": "ann@example.org", "name": self.chance.choice(WORDS)}})
        self.set("Identity", update={id: {"textSignature": self.chance.choice(WORDS)} for id in self.some("Identity")})
        self.set("Identity", destroy=self.some("Identity") if self.chance.random() < 0.3 else [])
        self.set("VacationResponse", update={"singleton": {"subject": self.chance.choice(WORDS)}})
        self.set("Forwarding", update={"singleton": {"keepsCopy": self.chance.random() < 0.5}})

    def change_domain(self) -> None:
        self.serial += 1
        self.set("Domain", create={"d": {"name": f"d{self.serial}.example"}})
        self.set("Domain", update={id: {"isEnabled": self.chance.random() < 0.5} for id in self.some("Domain")})
        self.set("Domain", destroy=self.some("Domain") if self.chance.random() < 0.4 else [])
