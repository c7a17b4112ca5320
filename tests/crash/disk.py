"""What a disk may hold after its power was cut: all that was synced, and of what came later whatever it likes.

Made of a log of every act on the files (fault.c). A file has what was written before a sync of it that ended; a folder
has the names that it had before a sync of its own. Of later writes any may be there, whole or by pages; of later names
those up to some moment, for file systems keep a journal of them.
"""

import random
import struct
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_HEAD = struct.Struct("=QQQIIIc3x")
_PAGE = 4096
LEANINGS = ("nothing", "everything", "the first", "some")


class Act(NamedTuple):
    """One record of the log; `time` in nanoseconds of the monotonic clock."""

    time: int
    kind: str
    inode: int
    at: int
    path: str
    to: str
    data: bytes


def read_log(path: Path) -> list[Act]:
    """All records."""
    log, at, out = path.read_bytes(), 0, []
    while at + _HEAD.size <= len(log):
        time, inode, where, one, other, size, kind = _HEAD.unpack_from(log, at)
        at += _HEAD.size
        texts = log[at : at + one].decode(), log[at + one : at + one + other].decode()
        at += one + other
        out.append(Act(time, kind.decode(), inode, where, *texts, log[at : at + size]))
        at += size
    return out


@dataclass
class _File:
    base: bytes = b""
    writes: list[tuple[int, Act]] = field(default_factory=list)
    synced: int = -1  # what was written before this place of the log is on the disk


@dataclass
class _Folder:
    base: dict[str, "_Node"] = field(default_factory=dict)
    changes: list[tuple[int, dict[str, "_Node | None"]]] = field(default_factory=list)
    synced: int = -1


_Node = _File | _Folder


class Disk:
    """Files that were at rest once."""

    def __init__(self, root: Path) -> None:
        """`root` is at rest now, and all of it on the disk."""
        self._root = root
        self._folders = sorted(path for path in root.rglob("*") if path.is_dir())
        self._files = {path: (path.stat().st_ino, path.read_bytes()) for path in root.rglob("*") if path.is_file()}

    def cut(self, acts: Iterable[Act]) -> "Cut":
        """The power is cut after these acts."""
        cut = Cut(self._root)
        for path in self._folders:
            cut.add_folder(path)
        for path, (inode, data) in self._files.items():
            cut.add_file(path, inode, data)
        for place, act in enumerate(acts):
            cut.do(place, act)
        return cut


class Cut:
    """One power failure."""

    def __init__(self, root: Path) -> None:
        self._root = _Folder()
        self._folders = {str(root): self._root}
        self._files: dict[int, _File] = {}
        self._begun: dict[int, deque[int]] = defaultdict(deque)

    def add_folder(self, path: Path) -> None:
        """One that was there from the beginning."""
        self._folders[str(path)] = self._folders[str(path.parent)].base[path.name] = _Folder()

    def add_file(self, path: Path, inode: int, data: bytes) -> None:
        """One that was there from the beginning."""
        self._files[inode] = self._folders[str(path.parent)].base[path.name] = _File(data)

    def do(self, place: int, act: Act) -> None:
        """What was done next."""
        if act.kind in "wt":
            self._files.setdefault(act.inode, _File()).writes.append((place, act))
        elif act.kind in "cl":
            if act.kind == "c":
                self._files[act.inode] = _File()
            self._name(place, act.path, self._files[act.inode])
        elif act.kind == "r":
            names: dict[str, _Node | None] = {act.path.rsplit("/", 1)[1]: None}
            names[act.to.rsplit("/", 1)[1]] = self._files[act.inode]
            self._folders[act.to.rsplit("/", 1)[0]].changes.append((place, names))
        elif act.kind == "u":
            self._name(place, act.path, None)
        elif act.kind == "d":
            self._folders[act.path] = _Folder()
            self._name(place, act.path, self._folders[act.path])
        elif act.kind == "b":
            self._begun[act.inode].append(place)
        else:  # a sync has ended; of several, the one that began first is the safest to believe
            self._sync(act, self._begun[act.inode].popleft())

    def _name(self, place: int, path: str, node: _Node | None) -> None:
        folder, name = path.rsplit("/", 1)
        self._folders[folder].changes.append((place, {name: node}))

    def _sync(self, act: Act, begun: int) -> None:
        node = self._folders.get(act.path) or self._files.get(act.inode)
        if node is not None:
            node.synced = max(node.synced, begun)

    def write(self, image: Path, chance: random.Random, leaning: str) -> None:
        """Write down what the disk may hold."""
        waiting = [(self._root, image)]
        while waiting:
            folder, path = waiting.pop()
            path.mkdir()
            for name, node in _names(folder, chance, leaning).items():
                if isinstance(node, _Folder):
                    waiting.append((node, path / name))
                elif node is not None:
                    (path / name).write_bytes(_content(node, chance, leaning))


def _names(folder: _Folder, chance: random.Random, leaning: str) -> dict[str, _Node | None]:
    most, least = len(folder.changes), sum(place < folder.synced for place, _ in folder.changes)
    kept = {"nothing": least, "everything": most}.get(leaning, chance.randint(least, most))
    names: dict[str, _Node | None] = dict(folder.base)
    for _, changes in folder.changes[:kept]:
        names.update(changes)
    return names


def _content(file: _File, chance: random.Random, leaning: str) -> bytes:
    content = bytearray(file.base)
    first = sum(place >= file.synced for place, _ in file.writes)
    first = chance.randint(0, first) if leaning == "the first" else first
    for place, act in file.writes:
        if place < file.synced:
            _apply(content, act, 0, len(act.data))
        elif leaning == "everything" or (leaning == "the first" and first > 1):
            _apply(content, act, 0, len(act.data))
            first -= 1
        elif leaning == "the first" and first == 1:
            _apply(content, act, 0, chance.randint(0, len(act.data)))  # torn
            first = 0
        elif leaning == "some":
            for start in range(0, max(1, len(act.data)), _PAGE):
                if chance.random() < 0.5:
                    _apply(content, act, start, start + _PAGE)
    return bytes(content)


def _apply(content: bytearray, act: Act, start: int, end: int) -> None:
    if act.kind == "t":
        del content[act.at :]
        content.extend(bytes(act.at - len(content)))
        return
    piece, at = act.data[start:end], act.at + start
    if piece and len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(piece)] = piece
