"""AccountRemoval: the data of a destroyed account, which waits to be deleted; nothing is lost by one wrong word."""

from __future__ import annotations

from pillarbox.core.clock import from_date, is_utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, ServerSet
from pillarbox.datatypes.view import Transaction


class Removal(Record, frozen=True, kw_only=True):
    """What is left of a destroyed account until `purgeAt`, which an administrator may move either way."""

    account_id: ServerSet[Indexed[str]] = ""
    name: ServerSet[str] = ""
    removed_at: ServerSet[str] = ""
    purge_at: str

    def is_due(self, now_ms: int) -> bool:
        """Whether the data is to be deleted now."""
        at = from_date(self.purge_at)
        return at is not None and at <= now_ms


class RemovalRules(Rules[Removal]):
    """Only destroying an account makes one, only the purge ends one."""

    def complete(self, tx: Transaction, call: MethodCall, old: Removal | None, new: Removal) -> Removal:
        if old is None:
            raise Fault(Kind.FORBIDDEN, "destroy an account instead")
        return new

    def check(self, tx: Transaction, account: str, old: Removal | None, new: Removal | None) -> None:
        if new is not None and not is_utc_date(new.purge_at):
            raise invalid("purgeAt", "purgeAt is a UTCDate, such as 2030-01-31T00:00:00Z")

    def may_destroy(self, tx: Transaction, call: MethodCall, old: Removal) -> None:
        raise Fault(Kind.FORBIDDEN, "set purgeAt to a time in the past to have the data deleted now")


REMOVAL: DataType[Removal] = DataType(
    Removal,
    letter="r",
    name="AccountRemoval",
    capability=ADMIN,
    rules=RemovalRules(),
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    sorts={"purgeAt": Sort(key=lambda removal: removal.purge_at), "name": Sort(key=lambda removal: removal.name)},
)
