"""An account of another server is brought over: its folders one after the other, and at last what is gone there."""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.services.fetch.change import make_mailboxes, remove_emails
from pillarbox.services.fetch.folder import Folder, read_folders
from pillarbox.services.fetch.folder_copy import FolderCopy, Renewed
from pillarbox.services.fetch.job import Job
from pillarbox.services.fetch.link import GivenUp
from pillarbox.services.fetch.outcome import FolderOutcome, Outcome
from pillarbox.services.fetch.route import Route
from pillarbox.services.fetch.source import Source
from pillarbox.services.mail.mailbox_path import Path
from pillarbox.wire.imap_client.fault import Refused, Unsuitable

_GONE_TOGETHER = 200
_RENEWALS = 3


def fetch_account(job: Job) -> Outcome:
    """Fetch all that is new. What the server does not allow or does not have the time for stands in the outcome."""
    try:
        folders, is_gmail = job.link.steady(None, _look)
        routes = job.router.routes(folders, is_gmail=is_gmail)
        job.outcome.folders += [_told(route) for route in routes]
        if not job.choices.dry_run:
            _make_mailboxes(job, routes)
        for route, told in zip(routes, job.outcome.folders, strict=True):
            if not route.reason:
                _copy(job, route, told)
        if job.choices.remove_gone and not any(told.failure for told in job.outcome.folders):
            _remove_gone(job, folders)
        job.link.leave()
    except (GivenUp, Unsuitable) as fault:
        job.outcome.failure = str(fault)
    except Refused as refused:
        job.outcome.failure = f"the server refused: {refused}"
    finally:
        job.link.close()
    return job.outcome


def _look(source: Source) -> tuple[list[Folder], bool]:
    return read_folders(source), source.is_gmail


def _told(route: Route) -> FolderOutcome:
    mailbox = "/".join(route.path) if route.path is not None else None
    return FolderOutcome(name=route.folder.shown, mailbox=mailbox, left_out=route.reason)


def _make_mailboxes(job: Job, routes: Sequence[Route]) -> None:
    """Make the mailboxes, empty ones too. Where labels decide, the folders that are left out are the labels."""
    by_labels = any(route.by_labels for route in routes)
    wanted: dict[Path, bool] = {}
    for route in routes:
        path = route.path
        if by_labels and path is None and not route.by_labels and _is_label(route.folder):
            path = job.router.target(route.folder.path) if job.router.wishes.takes(route.folder.path) else None
        if path is not None:
            wanted[path] = wanted.get(path, False) or route.folder.is_subscribed
    for path, reason in make_mailboxes(job.store, job.account, wanted).items():
        job.outcome.refused.add("/".join(path), f"the mailbox cannot be made: {reason}")


def _is_label(folder: Folder) -> bool:
    return folder.attributes.isdisjoint((r"\all", r"\flagged", r"\important"))


def _copy(job: Job, route: Route, told: FolderOutcome) -> None:
    for _ in range(_RENEWALS):
        try:
            FolderCopy(job, route, told).run()
        except Renewed:
            continue
        except Refused as refused:  # of this folder; others may do
            told.failure = str(refused)
        return
    told.failure = "its UIDVALIDITY changes all the time"


def _remove_gone(job: Job, folders: Sequence[Folder]) -> None:
    gone = job.state.keep_folders(folder.name for folder in folders)
    if gone:
        job.outcome.folders.append(FolderOutcome(name="", left_out="folders that are gone at the source", gone=gone))
    for pairs in job.state.gone(_GONE_TOGETHER):
        job.outcome.removed += len(pairs) if job.choices.dry_run else remove_emails(job.store, job.account, pairs)
