"""The Session object: what this server can do for this caller, and where (RFC 8620 §2)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.core.limits import Limits
from pillarbox.datatypes.admin.web_push_key import WEB_PUSH_KEY
from pillarbox.datatypes.capability import TICKET as TICKET_URI
from pillarbox.datatypes.capability import VAPID
from pillarbox.datatypes.capability import WEBSOCKET as WEBSOCKET_URI
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import View
from pillarbox.net.bridge import Bridge
from pillarbox.servers.http.answer import Answer, json_answer
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.request import Request
from pillarbox.servers.jmap.capability import Capability, Where, World, advertised
from pillarbox.services.methods.method import Method
from pillarbox.services.push_key import public_key

API, UPLOAD, DOWNLOAD, EVENTS = "/jmap/api", "/jmap/upload/", "/jmap/download/", "/jmap/eventsource"
WEBSOCKET, TICKET = "/jmap/ws", "/jmap/ticket"
_UPLOAD_TEMPLATE = UPLOAD + "{accountId}/"
_DOWNLOAD_TEMPLATE = DOWNLOAD + "{accountId}/{blobId}/{name}?accept={type}"
_EVENTS_TEMPLATE = EVENTS + "?types={types}&closeafter={closeafter}&ping={ping}"
# RFC 8620 §2: what a server SHOULD send, so that no old session is taken for the present one.
_NO_CACHE = (b"cache-control", b"no-cache, no-store, must-revalidate")
_MOST_REMEMBERED = 20_000


class Sessions:
    """Describes the server to each caller."""

    def __init__(
        self,
        limits: Limits,
        methods: Mapping[str, Method],
        types: Iterable[DataType[Any]],
        public_url: str | None,
        application_server_key: str = "",
    ) -> None:
        """`application_server_key` is that of RFC 9749, empty when there is none."""
        self._world = World(limits, {kind.name: kind for kind in types}, application_server_key)
        used = {method.capability for method in methods.values()}
        self._capabilities = advertised(used | ({VAPID} if application_server_key else set()))
        self._public_url = public_url
        self.is_stale = False
        self._states: dict[tuple[str, str, frozenset[str]], tuple[Caller, str]] = {}

    def changed(self, _directory: str, types: Mapping[str, int]) -> None:
        """The directory has changed, here or by a command: the key may be another."""
        self.is_stale |= WEB_PUSH_KEY.name in types

    def refresh(self, view: View) -> None:
        """Tell the present key: with it the state of each session changes, and clients read theirs anew."""
        self.is_stale = False
        self._world = dataclasses.replace(self._world, application_server_key=public_key(view))
        self._states.clear()

    @property
    def uris(self) -> list[str]:
        """All capabilities that a request may name in `using`."""
        return [capability.uri for capability in self._capabilities]

    def state(self, caller: Caller) -> str:
        """The session's state: another when the session says anything else. Remembered, for every response has it."""
        key = (caller.username, caller.credential, caller.scope)
        found = self._states.get(key)
        if found is not None and (found[0] is caller or found[0] == caller):
            return found[1]
        if len(self._states) >= _MOST_REMEMBERED:
            self._states.clear()
        # The base of the URLs may differ between ways to reach us; only a configured one is part of the state.
        said = msgspec.json.encode([self._about(caller), self._public_url], order="deterministic")
        state = hashlib.blake2b(said, digest_size=9).hexdigest()
        self._states[key] = (caller, state)
        return state

    def document(self, caller: Caller, base_url: str) -> dict[str, Any]:
        """The whole Session object, with absolute URLs."""
        about = self._about(caller)
        # http becomes ws, https wss (RFC 6455 §3).
        about["capabilities"][WEBSOCKET_URI]["url"] = "ws" + base_url.removeprefix("http") + WEBSOCKET
        about["capabilities"][TICKET_URI]["url"] = base_url + TICKET
        return {
            **about,
            "apiUrl": base_url + API,
            "downloadUrl": base_url + _DOWNLOAD_TEMPLATE,
            "uploadUrl": base_url + _UPLOAD_TEMPLATE,
            "eventSourceUrl": base_url + _EVENTS_TEMPLATE,
            "state": self.state(caller),
        }

    def _about(self, caller: Caller) -> dict[str, Any]:
        accounts = caller.accounts.values()
        usable = [c for c in self._capabilities if _allows(caller, c)]
        mine = {c.uri: [a.account for a in accounts if c.where.holds(caller, a)] for c in usable}
        return {
            "capabilities": {c.uri: c.server(self._world) for c in usable if c.where is Where.NONE or mine[c.uri]},
            "accounts": {access.account: self._account(caller, access, usable) for access in accounts},
            # RFC 8620 §2: the account to use by default for what belongs to a capability, if there is such an account.
            "primaryAccounts": {uri: _primary(caller, ids) for uri, ids in mine.items() if _primary(caller, ids)},
            "username": caller.username,
        }

    def _account(self, caller: Caller, access: Access, usable: list[Capability]) -> dict[str, Any]:
        return {
            "name": access.name,
            "isPersonal": access.is_personal,
            "isReadOnly": access.is_read_only,
            "accountCapabilities": {c.uri: c.account(self._world) for c in usable if c.where.holds(caller, access)},
        }


def _allows(caller: Caller, capability: Capability) -> bool:
    return not caller.scope or capability.where is Where.NONE or capability.uri in caller.scope


def _primary(caller: Caller, ids: list[str]) -> str | None:
    """The caller's own account if it has the capability; the directory for what only that has."""
    if caller.account in ids:
        return caller.account
    return DIRECTORY if DIRECTORY in ids else None


class SessionResource:
    """Answers GET of the session's addresses."""

    def __init__(self, gate: Gate, bridge: Bridge, sessions: Sessions, forwarding: Forwarding) -> None:
        self._gate, self._bridge, self._sessions, self._forwarding = gate, bridge, sessions, forwarding

    async def get(self, request: Request) -> Answer:
        """The caller's session."""
        caller = await self._gate.caller(request)
        if self._sessions.is_stale:
            await self._bridge.read(self._sessions.refresh)
        document = self._sessions.document(caller, self._forwarding.base_url(request))
        return json_answer(document, headers=(_NO_CACHE,))
