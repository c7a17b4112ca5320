"""One folder of a source is brought over: what is new, what changed, what is gone.

Each step goes on where it was when the connection breaks: what has been done stands in the memory of the fetch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from pillarbox.core.faults import Fault
from pillarbox.services.fetch.body_copy import BodyCopy, labels_of
from pillarbox.services.fetch.change import Change, change_emails
from pillarbox.services.fetch.item import Item
from pillarbox.services.fetch.job import Job
from pillarbox.services.fetch.outcome import FolderOutcome
from pillarbox.services.fetch.route import Route
from pillarbox.services.fetch.source import Opened, Source
from pillarbox.storage.fetch_state import FolderState, Known

_CHUNK = 500  # messages that are noted together
T = TypeVar("T")


class Renewed(Exception):
    """The folder's UIDVALIDITY changed meanwhile: its UIDs mean other messages now (RFC 9051 §2.3.1.1)."""


class FolderCopy:
    """The steps for one folder."""

    def __init__(self, job: Job, route: Route, told: FolderOutcome) -> None:
        self._job = job
        self._route = route
        self._told = told
        self._name = route.folder.name
        self._opened = Opened(0, 0, 0)
        self._state = FolderState(0, 0, 0)

    def run(self) -> None:
        """Do all of it. Raises Refused, GivenUp, Renewed, Unsuitable."""
        job, link = self._job, self._job.link
        self._opened = link.steady(self._name, lambda source: source.opened)
        self._state = job.state.begin(self._name, self._opened.uid_validity)
        link.steady(self._name, self._list)
        link.steady(self._name, self._compare)
        self._told.messages = self._opened.exists
        self._told.new, self._told.new_octets = job.state.pending_total(
            self._state.id, deleted=job.choices.include_deleted
        )
        if not job.choices.include_deleted:
            self._told.marked_deleted = job.state.deleted_count(self._state.id)
        if not job.choices.dry_run:
            job.progress.expect(self._told.new_octets)
            bodies = BodyCopy(job, self._route, self._told, self._state.id)
            link.steady(self._name, lambda source: bodies.run(self._same(source)))
        link.steady(self._name, self._find_gone)
        job.state.finish(self._state.id, self._opened.modseq)

    def _same(self, source: Source) -> Source:
        if source.opened.uid_validity != self._opened.uid_validity:
            raise Renewed
        return source

    def _list(self, source: Source) -> None:
        """Note what is new."""
        last = self._job.state.begin(self._name, self._opened.uid_validity).uid_last
        for items in _chunks(self._same(source).listed(last + 1, labels=self._route.by_labels)):
            self._job.state.add(self._state.id, [_known(item) for item in items])
            self._job.link.moved()

    def _compare(self, source: Source) -> None:
        """Find what has other flags or labels than before."""
        last = self._state.uid_last
        # Whether labels count as changes for CHANGEDSINCE, Gmail does not say.
        since = 0 if self._route.by_labels else min(self._state.modseq, self._opened.modseq)
        if not last or (since and since == self._opened.modseq):
            return
        for items in _chunks(self._same(source).changed(last, since, labels=self._route.by_labels)):
            self._apply(items)
            self._job.link.moved()

    def _apply(self, items: Sequence[Item]) -> None:
        job, before = self._job, self._job.state.known(self._state.id, [item.uid for item in items])
        news = [(before[item.uid], item) for item in items if item.uid in before and item.keywords is not None]
        differing = [(old, new) for old, item in news if _differ(old, new := _known(item, old))]
        self._told.changed += len(differing)
        job.state.update(self._state.id, self._change(differing))

    def _change(self, pairs: Sequence[tuple[Known, Known]]) -> list[Known]:
        """Change the emails in the store; returns what can be noted."""
        job = self._job
        changes, concerned = [], []
        out = [new for _, new in pairs if new.email is None]
        for old, new in pairs:
            if new.email is None:
                continue
            words, before = _keywords(self._route, job, new), _keywords(self._route, job, old)
            paths = job.router.labelled(labels_of(new))[0] if self._route.by_labels and old.labels != new.labels else ()
            changes.append(Change(new.email, words - before, before - words, paths))
            concerned.append((old, new))
        results: Sequence[tuple[str, ...] | Fault] = [old.boxes for old, _ in concerned]
        if not job.choices.dry_run:
            results = change_emails(job.store, job.account, changes)
        for (old, new), result in zip(concerned, results, strict=True):
            if isinstance(result, Fault):
                job.outcome.refused.add(f"{self._route.folder.shown} UID {new.uid}", str(result))
                continue
            out.append(self._placed(old, new, result))
        return out

    def _placed(self, old: Known, new: Known, boxes: tuple[str, ...]) -> Known:
        """Where the message is now, by its source; where it is not any more may be taken away at the end."""
        if new.is_deleted and not old.is_deleted and not self._job.choices.include_deleted:
            self._told.gone += 1
            if not self._job.choices.remove_gone:
                return new
            assert old.email is not None
            self._job.state.note_gone([(old.email, box) for box in old.boxes])
            return new._replace(email=None, boxes=())
        if not self._route.by_labels or old.labels == new.labels:
            return new
        if self._job.choices.remove_gone:
            assert old.email is not None
            self._job.state.note_gone([(old.email, box) for box in old.boxes if box not in boxes])
            return new._replace(boxes=boxes)
        return new._replace(boxes=tuple(dict.fromkeys(old.boxes + boxes)))

    def _find_gone(self, source: Source) -> None:
        """Find what is known but not at the source any more; its counts differ then."""
        missing = self._job.state.count(self._state.id) - self._same(source).opened.exists
        if not self._job.choices.remove_gone:
            self._told.gone += max(0, missing)
        elif missing:
            uids = source.uids()
            self._told.gone += self._job.state.keep_only(self._state.id, _chunks(uids))


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _known(item: Item, old: Known | None = None) -> Known:
    """A message as it is noted; with what was known before about where it is."""
    labels = msgspec.json.encode(item.labels).decode() if item.labels is not None else ""
    if old is None:
        return Known(item.uid, item.size or 0, item.words, labels, item.is_deleted)
    return old._replace(words=item.words, labels=labels or old.labels, is_deleted=item.is_deleted)


def _differ(old: Known, new: Known) -> bool:
    return (old.words, old.labels, old.is_deleted) != (new.words, new.labels, new.is_deleted)


def _keywords(route: Route, job: Job, known: Known) -> frozenset[str]:
    words = frozenset(known.words.split())
    return words | job.router.labelled(labels_of(known))[1] if route.by_labels else words
