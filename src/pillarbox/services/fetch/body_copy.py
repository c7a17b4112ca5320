"""The messages of a folder that are new are fetched and stored: in batches, the next one on its way meanwhile.

A message that the server cannot give is passed over and told of. Memory holds one batch, or one large message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec

from pillarbox.formats.archive import ArchivedMessage
from pillarbox.services.fetch.item import Item
from pillarbox.services.fetch.job import Job
from pillarbox.services.fetch.link import GivenUp
from pillarbox.services.fetch.outcome import FolderOutcome
from pillarbox.services.fetch.route import Route
from pillarbox.services.fetch.source import Busy, Source
from pillarbox.services.mail.store_batch import BATCH_COUNT, BATCH_OCTETS, Fate, Filed, Order, store_batch
from pillarbox.storage.fetch_state import Known
from pillarbox.wire.imap_client.fault import Dropped, Refused

_PAGE = 8 * BATCH_COUNT
_CAREFUL_AFTER, _PASS_AFTER = 2, 4  # breaks at the same message: fetch one at a time; pass it over
_ENOUGH = 200  # refused messages without one that is taken


class BodyCopy:
    """Fetches what is pending in a folder; `run` may be called again when the connection broke."""

    def __init__(self, job: Job, route: Route, told: FolderOutcome, folder: int) -> None:
        self._job = job
        self._route = route
        self._told = told
        self._folder = folder
        self._breaks = 0  # without a message that came
        self._refused_in_a_row = 0

    def run(self, source: Source) -> None:
        """Fetch all that is pending. Raises Dropped, Busy, GivenUp."""
        state, deleted = self._job.state, self._job.choices.include_deleted
        while pending := state.pending(self._folder, deleted=deleted, limit=_PAGE):
            if self._breaks >= _PASS_AFTER:
                self._breaks = 0
                self._pass_over(pending[0][0], "the connection broke each time it was fetched", pending[0][1])
                continue
            self._run_page(source, self._fitting(pending))

    def _fitting(self, pending: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those that are to be fetched; the others are passed over."""
        limit, out = self._job.store.limits.max_size_message, []
        unwanted = self._unwanted([uid for uid, _ in pending])
        for uid, size in pending:
            if uid in unwanted:
                self._job.state.refuse(self._folder, uid, "excluded")
                self._job.progress.advance(size)
            elif size > limit:
                self._pass_over(uid, f"it is larger than {limit} octets", size)
            else:
                out.append((uid, size))
        return out

    def _unwanted(self, uids: Sequence[int]) -> set[int]:
        if not self._route.by_labels:
            return set()
        known = self._job.state.known(self._folder, uids)
        return {uid for uid, one in known.items() if not self._job.router.labelled(labels_of(one))[0]}

    def _run_page(self, source: Source, pending: Sequence[tuple[int, int]]) -> None:
        careful = self._breaks >= _CAREFUL_AFTER
        waiting = deque(_batches(pending, 1 if careful else BATCH_COUNT))
        under_way: deque[tuple[str, list[tuple[int, int]]]] = deque()
        alone: list[tuple[int, int]] = []
        try:
            while waiting or under_way:
                while waiting and len(under_way) < (1 if careful else 2):
                    batch = waiting.popleft()
                    under_way.append((source.begin_bodies(uid for uid, _ in batch), batch))
                tag, batch = under_way.popleft()
                with self._room(sum(size for _, size in batch)):
                    alone += self._end_batch(source, tag, batch)
            for uid, size in alone:
                with self._room(size):
                    self._fetch_alone(source, uid, size)
        except Dropped:
            self._breaks += 1
            raise

    def _room(self, octets: int) -> AbstractContextManager[object]:
        """Large messages are in memory one at a time, whatever number of accounts is fetched."""
        return self._job.large if octets > BATCH_OCTETS else nullcontext()

    def _end_batch(self, source: Source, tag: str, batch: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Store what comes; returns what did not come, though the connection holds."""
        came: dict[int, Item] = {}
        try:
            source.end_bodies(tag, came)
        except Refused:
            pass
        except (Dropped, Busy):
            self._store(batch, came)
            raise
        self._store(batch, came)
        return [(uid, size) for uid, size in batch if uid not in came or came[uid].data is None]

    def _fetch_alone(self, source: Source, uid: int, size: int) -> None:
        came: dict[int, Item] = {}
        reason = "the server did not give it"
        try:
            source.end_bodies(source.begin_bodies([uid]), came)
        except Refused as refused:
            reason = f"the server did not give it: {refused}"
        if uid in came and came[uid].data is not None:
            self._store([(uid, size)], came)
        elif source.is_there(uid):
            self._pass_over(uid, reason, size)
        else:  # expunged meanwhile
            self._job.state.forget(self._folder, [uid])
            self._job.progress.advance(size)

    def _store(self, batch: Sequence[tuple[int, int]], came: dict[int, Item]) -> None:
        sizes = dict(batch)
        items = [came[uid] for uid in sizes if uid in came and came[uid].data is not None]
        if not items:
            return
        self._breaks = 0
        self._job.link.moved()
        known = self._job.state.known(self._folder, [item.uid for item in items])
        messages = [self._message(item, known[item.uid]) for item in items]
        filed = store_batch(self._job.store, self._job.account, messages, Order())
        by_key = {message.key: item for message, item in zip(messages, items, strict=True)}
        pairs = [(by_key[one.message.key], one) for one in filed]
        self._job.state.update(
            self._folder, [_noted(known[item.uid], item, one) for item, one in pairs if one.fate is not Fate.REFUSED]
        )
        for item, one in pairs:
            self._count(item.uid, one)
        self._job.progress.advance(sum(sizes[item.uid] for item in items))

    def _message(self, item: Item, known: Known) -> ArchivedMessage:
        assert item.data is not None
        keywords = item.keywords if item.keywords is not None else frozenset(known.words.split())
        if self._route.by_labels:
            paths, more = self._job.router.labelled(labels_of(known))
            keywords |= more
        else:
            assert self._route.path is not None
            paths = (self._route.path,)
        key = f"{self._route.folder.shown} UID {item.uid}"
        return ArchivedMessage(key, paths, item.data, item.received_at, keywords)

    def _count(self, uid: int, filed: Filed) -> None:
        if filed.fate is not Fate.REFUSED:
            self._refused_in_a_row = 0
            self._told.copied += filed.fate is Fate.STORED
            self._told.duplicates += filed.fate is not Fate.STORED
            return
        self._job.state.refuse(self._folder, uid, filed.reason)
        self._note_refused(uid, filed.reason)

    def _pass_over(self, uid: int, reason: str, size: int) -> None:
        self._job.state.refuse(self._folder, uid, reason)
        self._job.progress.advance(size)
        self._job.link.moved()
        self._note_refused(uid, reason)

    def _note_refused(self, uid: int, reason: str) -> None:
        self._job.outcome.refused.add(f"{self._route.folder.shown} UID {uid}", reason)
        self._told.refused += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _ENOUGH:
            raise GivenUp(f"{_ENOUGH} messages in a row were refused, the last because {reason}")


def _batches(pending: Sequence[tuple[int, int]], count: int) -> Iterator[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    octets = 0
    for uid, size in pending:
        if batch and (len(batch) >= count or octets + size > BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append((uid, size))
        octets += size
    if batch:
        yield batch


def labels_of(known: Known) -> list[str]:
    """The labels of a message of Gmail's."""
    return msgspec.json.decode(known.labels, type=list[str]) if known.labels else []


def _noted(known: Known, item: Item, filed: Filed) -> Known:
    if item.keywords is not None:
        known = known._replace(words=item.words, is_deleted=item.is_deleted)
    return known._replace(email=filed.email, boxes=filed.boxes)
