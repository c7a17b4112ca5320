"""SuppressedAddress: an address elsewhere that is not written to, since its server has refused it, or by hand."""

from __future__ import annotations

import unicodedata

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import from_date, is_utc_date, utc_date
from pillarbox.core.faults import invalid
from pillarbox.datatypes.address import is_address
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Immutable, Indexed, Reference, ServerSet
from pillarbox.datatypes.view import Transaction

_MAX_REASON = 1_000


class SuppressedAddress(Record, frozen=True, kw_only=True):
    """An address that mail is not sent to. `reason` is what its server replied, or what an administrator wrote.

    `accountId` is whose mail: null is everybody's, "directory" that of mailing lists and of the server itself. Without
    `expiresAt`, it stays until it is destroyed.
    """

    address: Immutable[Indexed[str]]
    account_id: Immutable[Reference[Indexed[str | None]]] = None
    reason: str = ""
    expires_at: str | None = None
    created_at: ServerSet[str] = ""

    def is_over(self, now_ms: int) -> bool:
        """Whether its time has come."""
        at = from_date(self.expires_at) if self.expires_at is not None else None
        return at is not None and at <= now_ms


class SuppressedAddressRules(Rules[SuppressedAddress]):
    """One for each address and account; what is set by hand ends in the future or never."""

    def complete(
        self, tx: Transaction, call: MethodCall, old: SuppressedAddress | None, new: SuppressedAddress
    ) -> SuppressedAddress:
        if (old is None or old.expires_at != new.expires_at) and new.expires_at is not None:
            if not is_utc_date(new.expires_at):
                raise invalid("expiresAt", "expiresAt is null or a UTCDate, such as 2030-01-31T00:00:00Z")
            if new.is_over(tx.now_ms):
                raise invalid("expiresAt", "expiresAt lies in the past")
        if old is not None:
            return new
        if not is_address(new.address):
            raise invalid("address", "it is no address that mail could be sent to")
        account = new.account_id
        if account not in (None, DIRECTORY) and tx.get(ACCOUNT, DIRECTORY, account) is None:
            raise invalid("accountId", "there is no such account")
        return msgspec.structs.replace(new, address=address_key(new.address), created_at=utc_date(tx.now_ms))

    def check(
        self, tx: Transaction, account: str, old: SuppressedAddress | None, new: SuppressedAddress | None
    ) -> None:
        if new is not None and (len(new.reason) > _MAX_REASON or not new.reason.isprintable()):
            raise invalid("reason", f"a reason has at most {_MAX_REASON} characters, none of them control characters")


SUPPRESSED_ADDRESS: DataType[SuppressedAddress] = DataType(
    SuppressedAddress,
    letter="h",
    capability=ADMIN,
    rules=SuppressedAddressRules(),
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda one: f"{one.account_id or '*'} {one.address}",
    filters={
        "address": Filter(str, test=lambda one, text: text.casefold() in one.address, fixed=True),
        "accountId": Filter(
            str | None, test=lambda one, account: one.account_id == account, reference=True, fixed=True
        ),
    },
    sorts={
        "address": Sort(key=lambda one: one.address, fixed=True),
        "createdAt": Sort(key=lambda one: one.created_at, fixed=True),
        "expiresAt": Sort(key=lambda one: one.expires_at or "9999"),
    },
)


def address_key(address: str) -> str:
    """The spelling in which an address is kept here and looked up: the directory's, for all that has one."""
    parts = address_name(address)
    return "@".join(parts) if parts is not None else unicodedata.normalize("NFC", address.casefold())
