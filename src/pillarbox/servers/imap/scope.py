"""Which mailboxes a search in several of them is about (RFC 7377 §2.2; RFC 5465 §6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pillarbox.datatypes.mailbox_name import SEPARATOR
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap.message_command import Scope


def places_in(session: Session, view: Snapshot, scopes: Iterable[Scope]) -> list[Place]:
    """The mailboxes, each once. What is not there, or not to be seen, is passed over."""
    places = list(session.service.names.all(view, session.accounts))
    out: dict[tuple[str, str], Place] = {}
    for scope in scopes:
        for place in _in_scope(session, places, scope):
            out.setdefault((place.account, place.id), place)
    return list(out.values())


def _in_scope(session: Session, places: list[Place], scope: Scope) -> Iterator[Place]:
    selected, own = session.selected, session.access.account
    for place in places:
        name = place.name
        match scope.kind:
            case "selected" | "selected-delayed":
                is_meant = selected is not None and selected.place.id == place.id
            case "inboxes":  # RFC 5465 §6.3: where mail may be delivered, in one's own account
                is_meant = place.account == own and place.mailbox.role == "inbox"
            case "personal":
                is_meant = place.account == own
            case "subscribed":
                is_meant = place.mailbox.is_subscribed
            case "subtree":
                is_meant = any(name == top or name.startswith(top + SEPARATOR) for top in scope.mailboxes)
            case "subtree-one":
                is_meant = any(name == top or name.rpartition(SEPARATOR)[0] == top for top in scope.mailboxes)
            case _:
                is_meant = name in scope.mailboxes
        if is_meant:
            yield place
