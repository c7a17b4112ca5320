"""What the session says of each capability: one entry each.

RFC 8620 §2, RFC 8621 §1.3, RFC 8887 §3, RFC 9007 §1.3, RFC 9404 §3, RFC 9425 §2, RFC 9749 §3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.core.limits import Limits
from pillarbox.datatypes import capability as uri
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.envelope import SUBMISSION_EXTENSIONS
from pillarbox.datatypes.mark import Mark
from pillarbox.services import ticket
from pillarbox.services.methods.filter import COLLATIONS

_DIGESTS = ["sha", "sha-256", "sha-512"]  # of RFC 9404 §4.2's registry, those that Blob/get computes


@dataclass(frozen=True, slots=True)
class World:
    """What a capability's description may draw on."""

    limits: Limits
    types: Mapping[str, DataType[Any]] = field(default_factory=dict)
    application_server_key: str = ""


class Where(Enum):
    """The accounts that have a capability."""

    NONE = "it is about the server"
    EVERY = "every account with a user's data"
    PERSONAL = "only the caller's own account"
    DIRECTORY = "only the directory's account, which administrators see"

    def holds(self, caller: Caller, access: Access) -> bool:
        """Whether one account of a caller has it."""
        if self is Where.DIRECTORY or access.account == DIRECTORY:
            return self is Where.DIRECTORY and access.account == DIRECTORY and caller.is_admin
        return self is Where.EVERY or (self is Where.PERSONAL and access.account == caller.account)


Description = Callable[[World], dict[str, Any]]


def _empty(_: World) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Capability:
    """One capability: where it holds, and what is said of it for the server and for an account."""

    uri: str
    where: Where = Where.EVERY
    server: Description = _empty
    account: Description = _empty


def _core(world: World) -> dict[str, Any]:
    limits = world.limits
    return {
        "maxSizeUpload": limits.max_size_upload,
        "maxConcurrentUpload": limits.max_concurrent_upload,
        "maxSizeRequest": limits.max_size_request,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "maxCallsInRequest": limits.max_calls_in_request,
        "maxObjectsInGet": limits.max_objects_in_get,
        "maxObjectsInSet": limits.max_objects_in_set,
        "collationAlgorithms": list(COLLATIONS),
    }


def _mail(world: World) -> dict[str, Any]:
    limits, email = world.limits, world.types.get("Email")
    return {
        "maxMailboxesPerEmail": limits.max_mailboxes_per_email,
        "maxMailboxDepth": limits.max_mailbox_depth,
        "maxSizeMailboxName": limits.max_size_mailbox_name,
        "maxSizeAttachmentsPerEmail": limits.max_size_attachments_per_email,
        "emailQuerySortOptions": list(email.sorts) if email is not None else [],
        "mayCreateTopLevelMailbox": True,
    }


def _submission(world: World) -> dict[str, Any]:
    # RFC 8621 §1.3.2: the SMTP extensions whose parameters may stand in an envelope, with their EHLO arguments.
    extensions = {**SUBMISSION_EXTENSIONS, "SIZE": [str(world.limits.max_size_message)]}
    return {"maxDelayedSend": world.limits.max_delayed_send_seconds, "submissionExtensions": extensions}


def _blob(world: World) -> dict[str, Any]:
    return {
        "maxSizeBlobSet": world.limits.max_size_blob_set,
        "maxDataSources": world.limits.max_data_sources,
        "supportedTypeNames": _types_with_blobs(world.types),
        "supportedDigestAlgorithms": _DIGESTS,
    }


def _types_with_blobs(types: Mapping[str, DataType[Any]]) -> list[str]:
    names = {name for name, kind in types.items() if any(p.is_marked(Mark.BLOB) for p in kind.properties.values())}
    if "Email" in names:
        # RFC 9404 §4.3: a lookup by blob also finds the threads and mailboxes of the emails that hold it.
        names |= {"Mailbox", "Thread"} & set(types)
    return sorted(names)


def _websocket(_: World) -> dict[str, Any]:
    return {"supportsPush": True}  # the session adds the address, which differs between ways to reach us


def _ticket(_: World) -> dict[str, Any]:
    return {"lifetime": ticket.SECONDS}


def _vapid(world: World) -> dict[str, Any]:
    # RFC 9749 §3: the public key by which push services know this server, as an uncompressed point in base64url.
    return {"applicationServerKey": world.application_server_key}


CAPABILITIES: tuple[Capability, ...] = (
    Capability(uri.CORE, Where.NONE, server=_core),
    Capability(uri.MAIL, account=_mail),
    Capability(uri.SUBMISSION, account=_submission),
    Capability(uri.VACATION),
    Capability(uri.FORWARDING),
    Capability(uri.QUOTA),
    Capability(uri.BLOB, account=_blob),
    Capability(uri.MDN),
    Capability(uri.WEBSOCKET, Where.NONE, server=_websocket),
    Capability(uri.TICKET, Where.NONE, server=_ticket),
    Capability(uri.VAPID, Where.NONE, server=_vapid),
    Capability(uri.ADMIN, Where.DIRECTORY),
    Capability(uri.APP_PASSWORD, Where.PERSONAL),
)


def advertised(used: Iterable[str]) -> list[Capability]:
    """The entries of the capabilities that methods use, and of those without methods.

    Raises LookupError for one without an entry.
    """
    wanted = {uri.CORE, uri.WEBSOCKET, uri.TICKET, *used}
    if missing := wanted - {c.uri for c in CAPABILITIES}:
        raise LookupError(f"the session does not know how to describe {', '.join(sorted(missing))}")
    return [c for c in CAPABILITIES if c.uri in wanted]
