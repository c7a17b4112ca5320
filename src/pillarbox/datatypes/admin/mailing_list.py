"""MailingList: an address whose mail is sent on to all members (RFC 2369, RFC 2919, RFC 5321 §3.9.2)."""

from __future__ import annotations

from typing import Literal

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import invalid
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.account import RULES as ACCOUNT_RULES
from pillarbox.datatypes.admin.domain import RULES as DOMAIN_RULES
from pillarbox.datatypes.admin.domain import place_address, refuse_taken
from pillarbox.datatypes.admin.forward import forward_addresses
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Reference, ServerSet
from pillarbox.datatypes.view import Transaction, View, first_with

_MAX_TEXT, _MAX_OWNERS, _MAX_MEMBERS = 1_000, 100, 10_000
# Mail for these goes to the owners: questions about the list, and what comes back from members (RFC 5321 §3.9.2).
OWNER, BOUNCES = "-owner", "-bounces"


class MailingList(Record, frozen=True, kw_only=True):
    """A mailing list. Members are accounts, and addresses here or elsewhere; owners are accounts."""

    address: Indexed[str]
    name: str = ""
    description: str = ""
    members: Reference[Indexed[list[str]]] = msgspec.field(default_factory=list)
    member_addresses: list[str] = msgspec.field(default_factory=list)
    owners: Reference[Indexed[list[str]]] = msgspec.field(default_factory=list)
    posting: Literal["anyone", "members", "owners"] = "members"
    is_enabled: bool = True
    domain_id: ServerSet[Indexed[str]] = ""
    created_at: ServerSet[str] = ""

    @property
    def list_id(self) -> str:
        """What names the list in List-Id (RFC 2919 §2)."""
        return self.address.replace("@", ".")

    def role_address(self, suffix: str) -> str:
        """The address of its owners, or of what comes back."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}{suffix}@{domain}"

    def without(self, account: str) -> MailingList:
        """The list without an account."""
        members, owners = ([id for id in ids if id != account] for ids in (self.members, self.owners))
        return msgspec.structs.replace(self, members=members, owners=owners)


class MailingListRules(Rules[MailingList]):
    """The address is nobody else's; members and owners exist, and there is somebody whom mail goes to."""

    def complete(self, tx: Transaction, call: MethodCall, old: MailingList | None, new: MailingList) -> MailingList:
        address, domain_id = place_address(tx, new.address, "address")
        new = msgspec.structs.replace(
            new,
            address=address,
            domain_id=domain_id,
            members=list(dict.fromkeys(new.members)),
            owners=list(dict.fromkeys(new.owners)),
            member_addresses=forward_addresses(new.member_addresses, "memberAddresses", _MAX_MEMBERS),
        )
        if not new.owners:
            raise invalid("owners", "a list has an owner, who hears what comes back")
        return new if old is not None else msgspec.structs.replace(new, created_at=utc_date(tx.now_ms))

    def check(self, tx: Transaction, account: str, old: MailingList | None, new: MailingList | None) -> None:
        if new is None:
            return
        for property, text in (("name", new.name), ("description", new.description)):
            if len(text) > _MAX_TEXT or not (text.isprintable() or property == "description"):
                raise invalid(property, f"it has at most {_MAX_TEXT} characters, none of them control characters")
        if len(new.members) + len(new.member_addresses) > _MAX_MEMBERS:
            raise invalid("members", f"a list has at most {_MAX_MEMBERS} members")
        if len(new.owners) > _MAX_OWNERS:
            raise invalid("owners", f"a list has at most {_MAX_OWNERS} owners")
        for property, ids in (("members", new.members), ("owners", new.owners)):
            if len(tx.get_many(ACCOUNT, DIRECTORY, ids)) != len(ids):
                raise invalid(property, f"{property} are the ids of accounts")
        if old is None or old.address != new.address:
            if "*" in new.address:
                raise invalid("address", "the address of a list is no pattern")
            refuse_taken(tx, new.address, new.id)


MAILING_LIST: DataType[MailingList] = DataType(
    MailingList,
    letter="g",
    capability=ADMIN,
    rules=MailingListRules(),
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda one: one.address,
    filters={
        "address": Filter(str, test=lambda one, text: text.casefold() in one.address),
        "member": Filter(str, test=lambda one, value: value in one.members),
        "owner": Filter(str, test=lambda one, value: value in one.owners),
        "domainId": Filter(str, test=lambda one, value: one.domain_id == value),
        "isEnabled": Filter(bool, test=lambda one, value: one.is_enabled == value),
    },
    sorts={"address": Sort(key=lambda one: one.address), "createdAt": Sort(key=lambda one: one.created_at)},
)
DOMAIN_RULES.lists = MAILING_LIST
ACCOUNT_RULES.lists = MAILING_LIST


def list_named(view: View, address: str) -> MailingList | None:
    """The list with this address, in the directory's spelling."""
    return first_with(view, MAILING_LIST, DIRECTORY, "address", address)
