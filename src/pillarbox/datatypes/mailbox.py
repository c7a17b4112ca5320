"""Mailboxes: named sets of emails, in a tree, with roles and counters (RFC 8621 §2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.annotation import drop_annotations
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import YIELDING, DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mailbox_name import OTHER_USERS, means_inbox, means_others, name_fault
from pillarbox.datatypes.mailbox_tree import arrange, depth_below, is_loop
from pillarbox.datatypes.mark import Computed, Counter, Indexed, Reference
from pillarbox.datatypes.subscription import follow_names, names_without_mailbox
from pillarbox.datatypes.view import Transaction, View

# The IMAP mailbox name attributes that are roles, in lower case (RFC 8621 §2, RFC 6154, RFC 8457, RFC 9979).
ROLES = frozenset({
    "all", "archive", "drafts", "flagged", "important", "inbox", "junk", "memos", "scheduled", "sent", "snoozed",
    "subscribed", "trash",
})  # fmt: skip
_MAX_SORT_ORDER = 2**31 - 1


class MailboxRights(msgspec.Struct, frozen=True, rename="camel"):
    """What the caller may do with a mailbox (RFC 8621 §2)."""

    may_read_items: bool = True
    may_add_items: bool = True
    may_remove_items: bool = True
    may_set_seen: bool = True
    may_set_keywords: bool = True
    may_create_child: bool = True
    may_rename: bool = True
    may_delete: bool = True
    may_submit: bool = True


_READ_ONLY = MailboxRights(may_read_items=True, **dict.fromkeys(MailboxRights.__struct_fields__[1:], False))


class Mailbox(Record, frozen=True):
    """A mailbox; its counters always equal the mail that is in it."""

    name: str
    parent_id: Reference[str | None] = None
    role: Indexed[str | None] = None
    sort_order: int = 0
    is_subscribed: bool = True
    total_emails: Counter[int] = 0
    unread_emails: Counter[int] = 0
    total_threads: Counter[int] = 0
    unread_threads: Counter[int] = 0
    my_rights: Computed[MailboxRights | None] = None


_COUNTERS = ("total_emails", "unread_emails", "total_threads", "unread_threads")


class MailboxRules(Rules[Mailbox]):
    """The tree stays a tree, names and roles stay unique, and no mail is lost with its mailbox."""

    arguments: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "set": {"onDestroyRemoveEmails": (bool, False)},
        "query": {"sortAsTree": (bool, False), "filterAsTree": (bool, False)},
        "queryChanges": {"sortAsTree": (bool, False), "filterAsTree": (bool, False)},
    }
    yields = True
    emails: DataType[Any]  # set where emails are declared, which know mailboxes,
    recount: Callable[[Transaction, str], None]  # as is this: work out the counters anew, the trash is another mailbox

    def complete(self, tx: Transaction, call: MethodCall, old: Mailbox | None, new: Mailbox) -> Mailbox:
        # RFC 8621 §2: the name "MUST be a Net-Unicode string [RFC5198]", that is, in normalisation form C.
        return msgspec.structs.replace(new, name=unicodedata.normalize("NFC", new.name), my_rights=None)

    def check(self, tx: Transaction, account: str, old: Mailbox | None, new: Mailbox | None) -> None:
        if new is None:
            return
        if old is not None and all(
            getattr(old, f) == getattr(new, f) for f in ("name", "parent_id", "role", "sort_order")
        ):
            return
        if wrong := name_fault(new.name, tx.limits.max_size_mailbox_name):
            raise invalid("name", wrong)
        if not 0 <= new.sort_order <= _MAX_SORT_ORDER:
            raise invalid("sortOrder", "sortOrder is at least 0 and less than 2^31")
        boxes = {box.id: box for box in tx.all(MAILBOX, account)}
        if new.id not in boxes and len(boxes) >= tx.limits.max_mailboxes:
            raise Fault(Kind.OVER_QUOTA, f"an account has at most {tx.limits.max_mailboxes} mailboxes")
        if old is not None and old.role == "inbox" and (old.name, old.parent_id) != (new.name, new.parent_id):
            raise Fault(Kind.FORBIDDEN, "the inbox cannot be renamed or moved")
        self._check_place(tx, boxes, new)
        if old is None or (old.name, old.parent_id) != (new.name, new.parent_id):
            self._check_top_name(boxes, new)
        self._check_name_is_free(tx, boxes, new)
        self._check_role(tx, boxes, old, new)

    def _check_place(self, tx: Transaction, boxes: Mapping[str, Mailbox], new: Mailbox) -> None:
        if new.parent_id is not None:
            if new.parent_id not in boxes:
                raise invalid("parentId", "there is no such mailbox")
            if is_loop(boxes, new):
                raise invalid("parentId", "a mailbox cannot be inside itself")
        if depth_below(boxes, new) > tx.limits.max_mailbox_depth:
            raise invalid("parentId", f"mailboxes are nested at most {tx.limits.max_mailbox_depth} deep")

    def _check_top_name(self, boxes: Mapping[str, Mailbox], new: Mailbox) -> None:
        """At the top level IMAP takes two names for something else."""
        if new.parent_id is not None or new.role == "inbox":
            return
        if means_inbox(new.name):
            inbox = next((box.id for box in boxes.values() if box.role == "inbox"), None)
            if inbox is None:
                raise invalid("name", "INBOX, in any case, is the name of the inbox")
            raise Fault(Kind.ALREADY_EXISTS, "INBOX, in any case, is the name of the inbox", existing_id=inbox)
        if means_others(new.name):
            raise invalid("name", f"{OTHER_USERS} is where other programs show what others share")

    def _check_name_is_free(self, tx: Transaction, boxes: Mapping[str, Mailbox], new: Mailbox) -> None:
        # RFC 8621 §2: "There MUST NOT be two sibling Mailboxes with both the same parent and the same name."
        for box in _fixed(tx, boxes):
            if box.id != new.id and box.parent_id == new.parent_id and box.name == new.name:
                raise Fault(Kind.ALREADY_EXISTS, f"there is a mailbox {new.name!r} here already", existing_id=box.id)

    def _check_role(self, tx: Transaction, boxes: Mapping[str, Mailbox], old: Mailbox | None, new: Mailbox) -> None:
        if new.role == (old.role if old is not None else None):
            return
        if new.role is not None and new.role not in ROLES:
            raise invalid("role", f"{new.role!r} is not a role; roles are {', '.join(sorted(ROLES))}")
        if old is not None and old.role == "inbox":
            raise invalid("role", "mail is delivered to the inbox; its role cannot be taken away")
        # RFC 8621 §2: "there MUST NOT be two Mailboxes in the same account with the same role"
        if new.role is not None and any(box.role == new.role and box.id != new.id for box in _fixed(tx, boxes)):
            raise invalid("role", f"another mailbox has the role {new.role}")

    def may_destroy(self, tx: Transaction, call: MethodCall, old: Mailbox) -> None:
        if old.role == "inbox":
            raise Fault(Kind.FORBIDDEN, "mail is delivered to the inbox; it cannot be destroyed")
        if any(box.parent_id == old.id for box in tx.all(MAILBOX, call.account)):
            raise Fault(Kind.HAS_CHILD, "destroy or move the mailboxes inside it first")
        if old.total_emails and not call.arguments["onDestroyRemoveEmails"]:
            raise Fault(Kind.HAS_CONTENT, "there are emails in it")

    def follow(self, tx: Transaction, account: str, old: Mailbox | None, new: Mailbox | None) -> None:
        if old is not None and new is None:
            self._remove_emails(tx, account, old)
        roles = {box.role for box in (old, new) if box is not None}
        if "trash" in roles and (old is None or new is None or old.role != new.role):
            self.recount(tx, account)
        if old is not None and new is None:
            drop_annotations(tx, account, old.id)
        if old is None or new is None or (old.name, old.parent_id) != (new.name, new.parent_id):
            self._follow_names(tx, account, old, new)

    def _follow_names(self, tx: Transaction, account: str, old: Mailbox | None, new: Mailbox | None) -> None:
        """In IMAP a name stays subscribed whatever becomes of its mailbox (RFC 9051 §6.3.7)."""
        if old is None and not names_without_mailbox(tx, account):
            return
        boxes = {box.id: box for box in tx.all(MAILBOX, account)}
        for box in follow_names(tx, account, boxes, old, new):
            # One that is made has said itself whether it is subscribed.
            if old is not None:
                tx.write(MAILBOX, account, box, msgspec.structs.replace(box, is_subscribed=True))

    def _remove_emails(self, tx: Transaction, account: str, gone: Mailbox) -> None:
        r"""Whatever is in it leaves it, what is \Deleted there too: nobody could ever expunge that again."""
        for member in tx.memberships(account, gone.id):
            email = tx.get(self.emails, account, member.item, with_deleted=True)
            assert email is not None
            tx.write(self.emails, account, email, email.without(gone.id))

    def compute(
        self, view: View, call: MethodCall, records: Mapping[str, Any], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        out = {}
        for id, stored in records.items():
            rights = MailboxRights()
            role = stored["role"]
            if role in ("inbox", msgspec.Raw(b'"inbox"')):
                rights = MailboxRights(may_rename=False, may_delete=False)
            out[id] = {"myRights": _READ_ONLY if call.access.is_read_only else rights}
        return out

    def is_local(self, call: MethodCall) -> bool:
        return not (call.arguments["sortAsTree"] or call.arguments["filterAsTree"])

    def arrange(self, call: MethodCall, matched: Sequence[Mailbox], everything: Sequence[Mailbox]) -> Sequence[Mailbox]:
        return arrange(
            matched,
            everything,
            sort_as_tree=call.arguments["sortAsTree"],
            filter_as_tree=call.arguments["filterAsTree"],
        )


def _fixed(tx: Transaction, boxes: Mapping[str, Mailbox]) -> list[Mailbox]:
    """The mailboxes whose names and roles are taken: all but those that change together with the one checked."""
    yielding = tx.notes().get(YIELDING, ())
    return [box for box in boxes.values() if box.id not in yielding]


def id_of_role(view: View, account: str, role: str) -> str | None:
    """The id of the account's mailbox that has a role, or None."""
    found = view.find(MAILBOX, account, "role", [role])
    return found[0][1] if found else None


MAILBOX: DataType[Mailbox] = DataType(
    Mailbox,
    letter="m",
    capability=MAIL,
    rules=MailboxRules(),
    is_container=True,
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    filters={
        "parentId": Filter(str | None, test=lambda box, value: box.parent_id == value, reference=True),
        "name": Filter(str, test=lambda box, value: value.casefold() in box.name.casefold()),
        "role": Filter(str | None, test=lambda box, value: box.role == value),
        "hasAnyRole": Filter(bool, test=lambda box, value: (box.role is not None) == value),
        "isSubscribed": Filter(bool, test=lambda box, value: box.is_subscribed == value),
    },
    sorts={
        "sortOrder": Sort(key=lambda box: box.sort_order),
        "name": Sort(key=lambda box: (box.name.casefold(), box.name)),
        "parentId": Sort(key=lambda box: box.parent_id or ""),
    },
)
