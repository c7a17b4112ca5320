"""What is true of every email, and what follows from changing one (RFC 8621 §4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes import condition as c
from pillarbox.datatypes.declare import DataType, Extra, MethodCall, Rules
from pillarbox.datatypes.email import counting
from pillarbox.datatypes.email.compose import Composed, compose
from pillarbox.datatypes.email.delivery import note_delivery
from pillarbox.datatypes.email.header_search import Refinement
from pillarbox.datatypes.email.keyword import checked_keywords
from pillarbox.datatypes.email.part import BodyRequest
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.email.show import show_stored
from pillarbox.datatypes.email.store import new_email
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.quota import charge
from pillarbox.datatypes.thread import THREAD
from pillarbox.datatypes.view import Transaction, View

BODY_ARGUMENTS: Mapping[str, Any] = {
    "bodyProperties": (list[str] | None, None),
    "fetchTextBodyValues": (bool, False),
    "fetchHTMLBodyValues": (bool, False),
    "fetchAllBodyValues": (bool, False),
    "maxBodyValueBytes": (int, 0),
}

_LARGE_OCTETS = 1_000_000  # more than this is stored elsewhere than on the event loop


class EmailRules(Rules[Email]):
    """An email is in at least one mailbox; threads, counters and quota follow it."""

    arguments: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "get": BODY_ARGUMENTS,
        "query": {"collapseThreads": (bool, False)},
        "queryChanges": {"collapseThreads": (bool, False)},
    }
    kind: DataType[Email]  # set where it is declared

    # --- changes

    def prepare(self, view: View, call: MethodCall) -> dict[str, Composed | Fault]:
        """Build the messages of new drafts before the write lock is taken."""
        out: dict[str, Composed | Fault] = {}
        call.octets_read = 0
        drafts: dict[str, Any] = call.arguments["create"] or {}
        if len(drafts) > view.limits.max_objects_in_set:
            raise Fault(
                Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_set} objects can be changed in one call"
            )
        for creation_id, given in drafts.items():
            try:
                out[creation_id] = composed = compose(view, call, given)
                if _octets(out) > view.limits.max_blob_octets_in_call:
                    raise Fault(Kind.TOO_LARGE, "the emails of this call are too large; create fewer at a time")
                view.write_ahead(composed.reading.data)
            except Fault as fault:
                out[creation_id] = fault
        return out

    def is_prepared(self, call: MethodCall) -> bool:
        return bool(call.arguments["create"])

    def is_slow(self, call: MethodCall) -> bool:
        return _octets(call.prepared) > _LARGE_OCTETS

    def create(
        self, tx: Transaction, call: MethodCall, creation_id: str, given: Mapping[str, Any]
    ) -> tuple[Email, Extra]:
        composed = call.prepared[creation_id]
        if isinstance(composed, Fault):
            raise composed
        mailboxes = {
            call.created_ids.get(k[1:], k) if k.startswith("#") else k: v for k, v in composed.mailbox_ids.items()
        }
        received = tx.now_ms if composed.received_ms is None else composed.received_ms
        return new_email(self.kind, tx, call.account, composed.reading, mailboxes, composed.keywords, received)

    def copy(
        self, tx: Transaction, call: MethodCall, source: str, original: Email, wanted: Mapping[str, Any]
    ) -> tuple[Email | None, Extra]:
        # RFC 8621 §4.7: "only the mailboxIds, keywords, and receivedAt properties may be set during the copy".
        if bad := [name for name in wanted if name not in ("mailboxIds", "keywords", "receivedAt")]:
            raise invalid(bad, "only mailboxIds, keywords and receivedAt can be given")
        if "mailboxIds" not in wanted:
            raise invalid("mailboxIds", "the mailboxes of the other account are not those of this one")
        fields = _converted(wanted, call.created_ids)
        data = tx.read_blob(source, original.blob_id)
        if data is None:
            raise Fault(Kind.FAILED, "the message is missing from the store")
        received = from_date(fields.get("receivedAt", original.received_at)) or 0
        keywords = fields.get("keywords", original.keywords)
        return new_email(self.kind, tx, call.account, read_message(data), fields["mailboxIds"], keywords, received)

    def complete(self, tx: Transaction, call: MethodCall, old: Email | None, new: Email) -> Email:
        # RFC 8621 §4.1.1: "An Email in the mail store MUST belong to one or more Mailboxes at all times".
        if not new.mailbox_ids:
            raise invalid("mailboxIds", "an email is in at least one mailbox")
        new = new.placed(new.mailbox_ids)
        return msgspec.structs.replace(new, keywords=checked_keywords(new.keywords, tx.limits.max_keywords_per_email))

    def patched(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        # RFC 8621 §4.1.1: keywords are case-insensitive: keywords/$Seen names the one that is stored as $seen.
        if not any(pointer.startswith("keywords/") for pointer in given):
            return given
        out = {
            pointer.lower() if pointer.startswith("keywords/") else pointer: value for pointer, value in given.items()
        }
        if len(out) < len(given):
            raise Fault(Kind.INVALID_PATCH, "a keyword is given twice, in upper and in lower case")
        return out

    def check(self, tx: Transaction, account: str, old: Email | None, new: Email | None) -> None:
        if new is None or (
            old is not None and (old.mailbox_ids, old.deleted_ids) == (new.mailbox_ids, new.deleted_ids)
        ):
            return
        boxes = {*new.mailbox_ids, *new.deleted_ids}
        if not boxes or len(boxes) < len(new.mailbox_ids) + len(new.deleted_ids):
            raise invalid("mailboxIds", "an email is in at least one mailbox, and once in each")
        if not all(value is True for value in new.mailbox_ids.values()):
            raise invalid("mailboxIds", "the values of mailboxIds are true")
        if len(boxes) > tx.limits.max_mailboxes_per_email:
            raise Fault(
                Kind.TOO_MANY_CONTAINERS, f"an email is in at most {tx.limits.max_mailboxes_per_email} mailboxes"
            )
        had = {*old.mailbox_ids, *old.deleted_ids} if old is not None else set()
        if any(tx.get(MAILBOX, account, box) is None for box in sorted(boxes - had)):
            raise invalid("mailboxIds", "there is no such mailbox")

    def follow(self, tx: Transaction, account: str, old: Email | None, new: Email | None) -> None:
        keys: Iterable[str] = tx.notes().get(f"keys:{new.id}", ()) if old is None and new is not None else ()
        counting.follow_email(tx, account, old, new, keys)
        if old is None or new is None:
            size = (new.size if new else 0) - (old.size if old else 0)
            charge(tx, account, size, (new is not None) - (old is not None))
        if old is None and new is not None and not new.is_hidden:
            note_delivery(tx, account, new)

    def recount(self, tx: Transaction, account: str) -> None:
        """Work out the counters anew, after the trash became another mailbox."""
        counting.recount(tx, account, self._all(tx, account))

    def _all(self, tx: Transaction, account: str) -> Iterator[Email]:
        for thread in tx.all(THREAD, account):
            yield from tx.get_many(self.kind, account, thread.email_ids).values()

    # --- answers

    def accept(self, view: View, call: MethodCall) -> None:
        BodyRequest.from_arguments(call.arguments, view.limits, call.room)

    def compute(
        self, view: View, call: MethodCall, records: Mapping[str, Any], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        request = BodyRequest.from_arguments(call.arguments, view.limits, call.room)
        return show_stored(self.kind, view, call.account, records, names, request)

    def refine(self, view: View, account: str, where: c.Condition, container: str | None = None) -> c.Condition:
        return Refinement(self.kind, view, account, container).of(where)

    def total(self, view: View, account: str, where: c.Condition | None, *, collapse: bool) -> int | None:
        if not isinstance(where, c.InContainer):
            return None
        box = view.get(MAILBOX, account, where.container)
        return 0 if box is None else box.total_threads if collapse else box.total_emails

    def widen(self, view: View, account: str, since: str, changed: Sequence[str]) -> set[str]:
        """All emails of the threads that changed: any of them may have been, or may now be, the one that is shown."""
        threads = {email.thread_id for email in view.get_many(self.kind, account, changed).values()}
        page = view.changes(THREAD, account, _thread_state(view, account, since), view.limits.max_changes)
        if page.has_more:
            raise Fault(Kind.CANNOT_CALCULATE_CHANGES, "too much has changed; query again")
        threads |= {*page.created, *page.updated}
        return {id for thread in view.get_many(THREAD, account, sorted(threads)).values() for id in thread.email_ids}


def _thread_state(view: View, account: str, since: str) -> str:
    # One number counts for all types: a state of emails names a moment that threads know as well, up to their own last
    # change.
    return str(min(int(since.partition(".")[0]), view.state(THREAD, account)))


def _octets(prepared: Mapping[str, Composed | Fault] | None) -> int:
    return sum(len(one.reading.data) for one in (prepared or {}).values() if isinstance(one, Composed))


def _converted(wanted: Mapping[str, Any], created_ids: Mapping[str, str]) -> dict[str, Any]:
    types: Mapping[str, Any] = {"mailboxIds": dict[str, bool], "keywords": dict[str, bool], "receivedAt": str}
    out, bad = {}, []
    for name, value in wanted.items():
        try:
            out[name] = msgspec.convert(value, types[name])
        except msgspec.ValidationError:
            bad.append(name)
    if "receivedAt" in out and from_date(out["receivedAt"]) is None:
        bad.append("receivedAt")
    if bad:
        raise invalid(bad)
    out["mailboxIds"] = {created_ids.get(k[1:], k) if k.startswith("#") else k: v for k, v in out["mailboxIds"].items()}
    return out
