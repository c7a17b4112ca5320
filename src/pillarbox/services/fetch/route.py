"""Where the mail of a folder goes: by special use and name, and as is wished (RFC 6154, RFC 8457)."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pillarbox.formats.archive.gmail_label import labels_to_mailboxes
from pillarbox.services.fetch.folder import Folder
from pillarbox.services.mail.mailbox_path import INBOX, Path

# The names at the top that mean the mailboxes with these roles (services/mail/mailbox_path.py).
_USES: Mapping[str, Path] = {
    r"\inbox": INBOX,
    r"\archive": ("Archive",),
    r"\drafts": ("Drafts",),
    r"\junk": ("Junk",),
    r"\sent": ("Sent",),
    r"\trash": ("Trash",),
}
_VIEWS = (r"\all", r"\flagged", r"\important")  # of messages that lie elsewhere


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to take, and where it goes; patterns and names are those of the source, with slashes."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    moves: tuple[tuple[Path, Path], ...] = ()  # a folder with what is inside it goes to this mailbox
    below: Path = ()
    include_shared: bool = False

    def takes(self, path: Path) -> bool:
        """Whether a folder is wanted: it, or one that it is inside, is named."""
        names = ["/".join(path[: n + 1]) for n in range(len(path))]
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.exclude for name in names):
            return False
        return not self.include or any(fnmatch.fnmatchcase(n, pattern) for pattern in self.include for n in names)

    def moved(self, path: Path) -> Path | None:
        """Where a folder is to go, when that was said."""
        for source, target in sorted(self.moves, key=lambda move: -len(move[0])):
            if path[: len(source)] == source:
                return target + path[len(source) :]
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """A folder and where its messages go; `path` is None for Gmail's, which their labels send. `reason`: not taken."""

    folder: Folder
    path: Path | None = None
    by_labels: bool = False
    reason: str = ""


@dataclass(slots=True)
class Router:
    """Decides for all folders of a source."""

    wishes: Wishes
    _uses: dict[Path, Path] = field(default_factory=dict)

    def routes(self, folders: Sequence[Folder], *, is_gmail: bool) -> list[Route]:
        """What becomes of each folder."""
        self._uses = _by_use(folders)
        if is_gmail and any(r"\all" in folder.attributes and folder.has_messages for folder in folders):
            return [self._gmail_route(folder) for folder in folders if folder.has_messages]
        return [self._route(folder) for folder in folders if folder.has_messages]

    def _route(self, folder: Folder) -> Route:
        path = folder.path
        if not self.wishes.takes(path):
            return Route(folder, reason="excluded")
        if not folder.is_own and not self.wishes.include_shared:
            return Route(folder, reason="not the account's own; --shared takes it")
        if not self.wishes.include and not folder.attributes.isdisjoint(_VIEWS):
            return Route(folder, reason="shows messages of other folders")
        return Route(folder, self.target(path))

    def _gmail_route(self, folder: Folder) -> Route:
        """Each message lies once in All Mail, or in Spam or Trash; what looks like other folders are its labels."""
        if r"\all" in folder.attributes:
            return Route(folder, by_labels=True)
        if folder.attributes.isdisjoint((r"\junk", r"\trash")):
            return Route(folder, reason="its messages come with their labels")
        return self._route(folder)

    def target(self, path: Path) -> Path:
        """The mailbox for a folder or label that is taken."""
        moved = self.wishes.moved(path)
        if moved is None:
            moved = path
            for length in range(len(path), 0, -1):
                if (use := self._uses.get(path[:length])) is not None:
                    moved = use + path[length:]
                    break
        return self.wishes.below + moved

    def labelled(self, labels: Sequence[str]) -> tuple[tuple[Path, ...], frozenset[str]]:
        """(mailboxes, keywords) of a message of Gmail's; no mailbox: it is not wanted."""
        paths, keywords = labels_to_mailboxes(list(labels))
        taken = [self.target(path) for path in paths if self.wishes.takes(path)]
        return tuple(dict.fromkeys(taken)), keywords - {"$seen"}  # which FLAGS tell


def _by_use(folders: Sequence[Folder]) -> dict[Path, Path]:
    """The folders that have a special use; the first of each is taken, as a role is one mailbox's."""
    out: dict[Path, Path] = {}
    for attribute, target in _USES.items():
        having = [folder for folder in folders if folder.is_own and attribute in folder.attributes]
        if having:
            out[min(having, key=lambda folder: len(folder.path)).path] = target
    return out
