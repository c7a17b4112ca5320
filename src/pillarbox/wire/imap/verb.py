"""Which commands there are, in which state each is allowed, and who reads its arguments (RFC 9051 §6, §9)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from pillarbox.wire.imap import (
    access_syntax,
    append_syntax,
    list_syntax,
    login_syntax,
    mailbox_syntax,
    message_syntax,
    metadata_syntax,
    notify_syntax,
    sort_syntax,
    url_syntax,
)
from pillarbox.wire.imap.command import (
    Capability,
    Check,
    Close,
    Command,
    Compress,
    GetJmapAccess,
    Idle,
    Logout,
    Namespace,
    Noop,
    StartTls,
    Unauthenticate,
    Unselect,
)
from pillarbox.wire.imap.fetch_syntax import fetch
from pillarbox.wire.imap.intake import Intake
from pillarbox.wire.imap.options import State
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner

# Reads the arguments of a command that lies here whole.
Parse = Callable[[Scanner], Command]
# Reads those of one with messages, while they come.
Receive = Callable[[Scanner, Intake], Generator[None, Any, Command]]


def _alone(command: Command) -> Parse:
    """The parser of a command that has no arguments."""

    def parse(scanner: Scanner) -> Command:
        scanner.end()
        return command

    return parse


def _compress(scanner: Scanner) -> Command:
    scanner.need(" ")
    if scanner.word() != "DEFLATE":
        raise Refused("Only DEFLATE is known")
    scanner.end()
    return Compress()


_ANY: dict[str, Parse] = {
    "CAPABILITY": _alone(Capability()),
    "NOOP": _alone(Noop()),
    "LOGOUT": _alone(Logout()),
    "ID": login_syntax.id_,
    "COMPRESS": _compress,
}
_NOT_AUTHENTICATED: dict[str, Parse] = _ANY | {
    "STARTTLS": _alone(StartTls()),
    "AUTHENTICATE": login_syntax.authenticate,
    "LOGIN": login_syntax.login,
}
_AUTHENTICATED: dict[str, Parse] = _ANY | {
    "ENABLE": login_syntax.enable,
    "SELECT": partial(mailbox_syntax.select, is_read_only=False),
    "EXAMINE": partial(mailbox_syntax.select, is_read_only=True),
    "CREATE": mailbox_syntax.create,
    "DELETE": mailbox_syntax.delete,
    "RENAME": mailbox_syntax.rename,
    "SUBSCRIBE": mailbox_syntax.subscribe,
    "UNSUBSCRIBE": mailbox_syntax.unsubscribe,
    "LIST": list_syntax.list_,
    "LSUB": list_syntax.lsub,
    "NAMESPACE": _alone(Namespace()),
    "STATUS": mailbox_syntax.status,
    "IDLE": _alone(Idle()),
    "GETJMAPACCESS": _alone(GetJmapAccess()),
    "UNAUTHENTICATE": _alone(Unauthenticate()),
    "SETACL": access_syntax.set_acl,
    "DELETEACL": access_syntax.delete_acl,
    "GETACL": access_syntax.get_acl,
    "LISTRIGHTS": access_syntax.list_rights,
    "MYRIGHTS": access_syntax.my_rights,
    "GETQUOTA": access_syntax.get_quota,
    "GETQUOTAROOT": access_syntax.get_quota_root,
    "SETQUOTA": access_syntax.set_quota,
    "GETMETADATA": metadata_syntax.get_metadata,
    "SETMETADATA": metadata_syntax.set_metadata,
    "NOTIFY": notify_syntax.notify,
    "GENURLAUTH": url_syntax.gen_url_auth,
    "URLFETCH": url_syntax.url_fetch,
    "RESETKEY": url_syntax.reset_key,
    "ESEARCH": partial(sort_syntax.esearch, is_selected=False),
    "UID ESEARCH": partial(sort_syntax.esearch, is_selected=False),  # as an example of RFC 7377 §2.1 has it
}
_SELECTED: dict[str, Parse] = _AUTHENTICATED | {
    "CLOSE": _alone(Close()),
    "UNSELECT": _alone(Unselect()),
    "CHECK": _alone(Check()),
    "EXPUNGE": message_syntax.expunge,
    "UID EXPUNGE": message_syntax.uid_expunge,
    "SEARCH": partial(message_syntax.search, is_uid=False),
    "UID SEARCH": partial(message_syntax.search, is_uid=True),
    "ESEARCH": partial(sort_syntax.esearch, is_selected=True),
    "UID ESEARCH": partial(sort_syntax.esearch, is_selected=True),
    "SORT": partial(sort_syntax.sort, is_uid=False),
    "UID SORT": partial(sort_syntax.sort, is_uid=True),
    "THREAD": partial(sort_syntax.thread, is_uid=False),
    "UID THREAD": partial(sort_syntax.thread, is_uid=True),
    "CANCELUPDATE": sort_syntax.cancel_update,
    "UIDBATCHES": sort_syntax.uid_batches,
    "FETCH": partial(fetch, is_uid=False),
    "UID FETCH": partial(fetch, is_uid=True),
    "STORE": partial(message_syntax.store, is_uid=False),
    "UID STORE": partial(message_syntax.store, is_uid=True),
    "COPY": partial(message_syntax.copy, is_uid=False, is_move=False),
    "UID COPY": partial(message_syntax.copy, is_uid=True, is_move=False),
    "MOVE": partial(message_syntax.copy, is_uid=False, is_move=True),
    "UID MOVE": partial(message_syntax.copy, is_uid=True, is_move=True),
}
_RECEIVED_AUTHENTICATED: dict[str, Receive] = {"APPEND": append_syntax.append}
_RECEIVED_SELECTED: dict[str, Receive] = _RECEIVED_AUTHENTICATED | {
    "REPLACE": partial(append_syntax.replace, is_uid=False),
    "UID REPLACE": partial(append_syntax.replace, is_uid=True),
}

PARSERS = {
    State.NOT_AUTHENTICATED: _NOT_AUTHENTICATED,
    State.AUTHENTICATED: _AUTHENTICATED,
    State.SELECTED: _SELECTED,
}
RECEIVERS: dict[State, dict[str, Receive]] = {
    State.NOT_AUTHENTICATED: {},
    State.AUTHENTICATED: _RECEIVED_AUTHENTICATED,
    State.SELECTED: _RECEIVED_SELECTED,
}
KNOWN = frozenset().union(*PARSERS.values(), *RECEIVERS.values())
