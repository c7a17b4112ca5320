"""One account of a source and where it goes: what the steps of a fetch share."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from pillarbox.services.fetch.link import Link
from pillarbox.services.fetch.outcome import Outcome, Progress
from pillarbox.services.fetch.route import Router
from pillarbox.storage.fetch_state import FetchState
from pillarbox.storage.store import Store


@dataclass(frozen=True, slots=True)
class Choices:
    """How to fetch: `dry_run` only looks, `remove_gone` also takes away here what is gone at the source."""

    include_deleted: bool = False
    remove_gone: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that the steps need."""

    store: Store
    account: str
    link: Link
    state: FetchState
    router: Router
    choices: Choices
    progress: Progress
    large: Lock = field(default_factory=Lock)  # held while a large message is in memory, by one fetch of all
    outcome: Outcome = field(default_factory=Outcome)
