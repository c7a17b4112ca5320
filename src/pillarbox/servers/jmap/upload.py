"""The upload resource: octets in, a blob id out, once they are on stable storage (RFC 8620 §6.1)."""

from __future__ import annotations

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.capability import BLOB
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.servers.http.answer import Answer, json_answer
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.servers.jmap.blob_stream import incoming, is_short
from pillarbox.servers.jmap.concurrency import Concurrency
from pillarbox.servers.jmap.problem import limit_problem
from pillarbox.servers.jmap.session import UPLOAD
from pillarbox.services.blob_upload import store_upload
from pillarbox.storage.blob_incoming import Incoming


def account_of(caller: Caller, account: str) -> Access:
    """The caller's access to the blobs of the account in the path.

    Raises a 404 problem, whether or not there is such an account, and a 403 problem for an app password that is for
    something else.
    """
    access = caller.access(account)
    if access is None or account == DIRECTORY:
        raise Problem(404, "there is no such account")
    if not caller.allows(BLOB):
        raise Fault(Kind.FORBIDDEN, "this app password does not allow that")
    return access


class UploadResource:
    """Answers POST of the upload address."""

    def __init__(self, gate: Gate, bridge: Bridge, limits: Limits, counts: Seat) -> None:
        self._gate, self._bridge, self._limits = gate, bridge, limits
        self._concurrency = Concurrency("maxConcurrentUpload", limits.max_concurrent_upload, counts)

    async def post(self, request: Request) -> Answer:
        """Store the body as a blob of the account in the path."""
        caller = await self._gate.caller(request)
        account, *rest = request.segments(UPLOAD)
        if rest not in ([], [""]):
            raise Problem(404, "there is nothing at this address")
        if account_of(caller, account).is_read_only:
            raise Fault(Kind.ACCOUNT_READ_ONLY)
        with self._concurrency.one(caller.account):
            blob, size = await self._take(request, account)
        # The type is what the client says; nobody looks into the octets for another.
        type = request.header(b"content-type") or "application/octet-stream"
        return json_answer({"accountId": account, "blobId": blob, "type": type, "size": size}, status=201)

    async def _take(self, request: Request, account: str) -> tuple[str, int]:
        """(blob id, size) of the body, once it is stored."""
        inline, most = self._limits.blob_inline_octets, self._limits.max_size_upload
        if is_short(request, inline):
            data: bytes | Incoming = await request.body(most, self._too_large)
        else:
            data = await incoming(self._bridge, request.pieces(most, self._too_large), inline)
        if isinstance(data, bytes):
            return await self._bridge.write(lambda tx: store_upload(tx, account, data), account=account), len(data)
        try:
            # Stored before the write lock is taken; the transaction finds it there.
            return await self._bridge.write(lambda tx: store_upload(tx, account, data), account=account), data.size
        finally:
            await self._bridge.carry(data.close)

    def _too_large(self) -> Problem:
        detail = f"an upload has at most {self._limits.max_size_upload} octets"
        return limit_problem("maxSizeUpload", detail, status=413)
