"""Blobs are there, are what their ids say, and are kept for as long as somebody names them (RFC 8620 §6)."""

from __future__ import annotations

from collections.abc import Iterator

from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.submission_record import PENDING
from pillarbox.services.submission import HELD
from pillarbox.services.verify.finding import CHUNK, LIMIT, Finding, Ground
from pillarbox.storage import verify as rows
from pillarbox.storage.blob import blob_id

_TYPE = "Blob"


def check_blobs(ground: Ground) -> Iterator[Finding]:
    """Octets, sizes, digests; what is named is kept, and is there."""
    count = octets = 0
    for page in rows.blobs(ground.view.db, ground.account, CHUNK):
        for blob in page:
            if blob.pending:
                count, octets = count + 1, octets + blob.size
            yield from _check_octets(ground, blob)
            if bool(blob.pending) == bool(rows.holders(ground.view.db, ground.account, blob.id)):
                text = "it waits to expire, but is named" if blob.pending else "it is kept, but nobody names it"
                yield ground.finding("blob reference", _TYPE, blob.id, text)
    if (told := ground.view.pending_use(ground.account)) != (count, octets):
        text = f"{count} blobs of {octets} octets wait to expire, but the account's total says {told[0]} of {told[1]}"
        yield ground.finding("blob total", "", "", text)
    for id, type, item in rows.dangling(ground.view.db, ground.account, LIMIT):
        yield ground.finding("blob reference", type, item, f"it names the blob {id}, which does not exist")


def _check_octets(ground: Ground, blob: rows.BlobRow) -> Iterator[Finding]:
    length = blob.kept
    if length is None:
        if ground.outside is None:
            return
        length = ground.outside.get(blob.id)
    if length is None:
        yield ground.finding("blob file", _TYPE, blob.id, "its file or object is missing")
    elif length != blob.size:
        yield ground.finding("blob", _TYPE, blob.id, f"it should have {blob.size} octets and has {length}")
    elif not ground.quick and _id(ground, blob) != blob.id:
        yield ground.finding("blob", _TYPE, blob.id, "its octets are not those that its id says")


def _id(ground: Ground, blob: rows.BlobRow) -> str | None:
    """The id that the octets have."""
    if blob.kept is not None:
        data = ground.view.read_blob(ground.account, blob.id)
        return blob_id(data) if data is not None else None
    return ground.view.blobs.digest(blob.id, blob.size)


def check_outbox(ground: Ground) -> Iterator[Finding]:
    """Entries of the outbox hold their blobs, and nothing is held back that would be sent though it must not be.

    What an entry is of may be gone: RFC 8621 §7.5, to destroy a submission "MUST NOT affect the deliveries it
    represents"; and of what is handed in by SMTP there never was one.
    """
    entries = rows.outbox_entries(ground.view.db, ground.account)
    held = set(rows.outbox_holds(ground.view.db, ground.account))
    submissions = ground.decode(EMAIL_SUBMISSION, [item for _, kind, item, _ in entries if kind == HELD])
    for id, kind, item, blob in entries:
        submission = submissions.get(item) if kind == HELD else None
        if submission is not None and submission.undo_status != PENDING:
            yield ground.finding("outbox", "Outbox", id, f"it would send {item}, which is {submission.undo_status}")
        if blob and (blob, id) not in held:
            yield ground.finding("outbox", "Outbox", id, f"it does not hold its blob {blob}")
    known = {(blob, id) for id, _, _, blob in entries}
    for blob, id in sorted(held - known):
        yield ground.finding("outbox", "Outbox", id, f"the blob {blob} is held for it, but there is no such entry")
