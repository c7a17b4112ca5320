"""Trees of messages that answer each other, by the algorithms of IMAP's THREAD (RFC 5256 §3).

Everything is iterative: a thread may be as long as a mailbox. What messages claim costs in proportion to what they say,
whatever they say: `_Linker` counts the steps that it takes to keep them from forming rings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pillarbox.formats.message.collation import sort_key
from pillarbox.formats.message.subject import base_subject, is_answer

_MOST_STEPS = 3_000_000  # up a tree, in all; honest mail takes next to none
_MOST_REFERENCES = 200  # of one message, the last


@dataclass(slots=True, eq=False)
class Node:
    """A message in its tree, or (`number` is None) one that others name and that is not here."""

    number: int | None = None
    sent_ms: int = 0
    subject: str = ""
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None

    @property
    def order(self) -> tuple[int, int]:
        """What siblings are sorted by: the sent date; a missing message has that of its first child."""
        node = self
        while node.number is None and node.children:
            node = node.children[0]
        return node.sent_ms, node.number or 0


@dataclass(frozen=True, slots=True)
class Message:
    """What is looked at of a message; `references` are the ids of References, or else of In-Reply-To."""

    number: int
    sent_ms: int
    arrived_ms: int
    subject: str
    message_id: str | None
    references: Sequence[str]


def by_ordered_subject(messages: Iterable[Message]) -> list[Node]:
    """ORDEREDSUBJECT: the messages of one base subject, all of them children of the first."""
    threads: dict[str, Node] = {}
    for message in sorted(messages, key=lambda m: (m.sent_ms, m.number)):
        node = Node(message.number, message.sent_ms)
        root = threads.setdefault(sort_key(base_subject(message.subject, strict=True)), node)
        if root is not node:
            root.children.append(node)
    return sorted(threads.values(), key=lambda node: node.order)


def by_references(messages: Sequence[Message]) -> list[Node]:
    """REFERENCES: by who names whom, and then by the subjects of what is left apart."""
    roots = _sorted(_pruned(_linked(messages)))
    return _sorted(_gathered(roots))


def by_refs(messages: Sequence[Message]) -> list[Node]:
    """REFS: by who names whom alone; the thread that something came to last comes last."""
    arrived = {message.number: message.arrived_ms for message in messages}
    roots = _sorted(_pruned(_linked(messages)))
    return sorted(roots, key=lambda root: max(arrived.get(node.number or 0, 0) for node in _all([root])))


def _linked(messages: Sequence[Message]) -> list[Node]:
    """Steps 1 and 2: the roots, with everything that is named below them."""
    linker = _Linker()
    for message in messages:
        linker.add(message)
    return [node for node in linker.seen if node.parent is None]


class _Linker:
    """Step 1: who is whose child. Nobody comes to stand above itself."""

    def __init__(self) -> None:
        self.seen: list[Node] = []
        self._nodes: dict[str, Node] = {}
        self._steps = _MOST_STEPS

    def add(self, message: Message) -> None:
        """Put a message into the tree, and whom it names."""
        node = self._own(message.message_id)
        node.number, node.sent_ms, node.subject = message.number, message.sent_ms, message.subject
        before: Node | None = None
        for reference in dict.fromkeys(message.references[-_MOST_REFERENCES:]):
            named = self._nodes.get(reference)
            if named is None:
                named = self._nodes[reference] = self._new()
            if before is not None and named.parent is None and not self._is_above(named, before):
                _put(named, before)
            before = named
        self._adopt(node, before)

    def _own(self, id: str | None) -> Node:
        node = self._nodes.get(id) if id is not None else None
        if node is None or node.number is not None:  # a second message of one id is taken for one without
            node = self._new()
            if id is not None:
                self._nodes.setdefault(id, node)
        return node

    def _new(self) -> Node:
        self.seen.append(node := Node())
        return node

    def _adopt(self, node: Node, parent: Node | None) -> None:
        """Step 1 B: the message itself is a child of the last that it names, whatever others said of it."""
        if parent is node.parent:
            return
        node.parent = None  # that it is still among the children of its old parent is seen to by `_pruned`
        if parent is not None and not self._is_above(node, parent):
            _put(node, parent)

    def _is_above(self, node: Node, other: Node) -> bool:
        """Whether a node is above another, or is it; or seems to be, when asking has cost too much already."""
        if node is other:
            return True
        if not node.children:
            return False
        at: Node | None = other
        while at is not None and self._steps > 0:
            if at is node:
                return True
            self._steps -= 1
            at = at.parent
        return at is not None


def _put(node: Node, parent: Node) -> None:
    node.parent = parent
    parent.children.append(node)


def _pruned(roots: list[Node]) -> list[Node]:
    """Step 3: missing messages are left out, but for a root that holds several together."""
    for node in _all(roots):
        if node.children:  # some were taken away since, perhaps to come back
            node.children = [child for child in dict.fromkeys(node.children) if child.parent is node]
    for node in reversed(list(_all(roots))):
        kept: list[Node] = []
        for child in node.children:
            kept += [child] if child.number is not None else child.children
        node.children = kept
    out: list[Node] = []
    for root in roots:
        if root.number is None and len(root.children) <= 1:
            out += root.children
        else:
            out.append(root)
    return out


def _gathered(roots: list[Node]) -> list[Node]:
    """Step 5: threads whose roots have the same base subject become one."""
    table: dict[str, Node] = {}
    for root in roots:
        subject = _subject(root)
        if not subject:
            continue
        known = table.get(subject)
        if (
            known is None
            or (known.number is not None and root.number is None)
            or (_answers(known) and not _answers(root))
        ):
            table[subject] = root
    place = {id(root): at for at, root in enumerate(roots)}
    left: list[Node | None] = list(roots)
    for at, root in enumerate(roots):
        known = table.get(_subject(root)) if _subject(root) else None
        if known is None or known is root or left[at] is None:
            continue
        left[at] = None
        if known.number is None:
            known.children += root.children if root.number is None else [root]
        elif _answers(root) and not _answers(known):
            known.children.append(root)
        else:
            both = Node(children=[known, root])
            table[_subject(root)] = both
            where = place.pop(id(known))
            left[where] = both
            place[id(both)] = where
    return [root for root in left if root is not None]


def _first(root: Node) -> Node:
    return root if root.number is not None or not root.children else root.children[0]


def _subject(root: Node) -> str:
    return sort_key(base_subject(_first(root).subject, strict=True))


def _answers(root: Node) -> bool:
    return root.number is not None and is_answer(root.subject)


def _all(roots: Iterable[Node]) -> Iterator[Node]:
    """All nodes, parents before their children."""
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


def _sorted(roots: list[Node]) -> list[Node]:
    """Steps 4 and 6: all siblings by sent date, from below."""
    for node in reversed(list(_all(roots))):
        node.children.sort(key=lambda child: child.order)
    return sorted(roots, key=lambda root: root.order)


def to_text(roots: Iterable[Node]) -> str:
    """The threads as THREAD tells them (RFC 5256 §4): a chain side by side, several children each in parentheses."""
    out: list[str] = []
    # What is still to be printed: a node, or text.
    waiting: list[Node | str] = []
    for root in reversed(list(roots)):
        waiting += [")", root, "("]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        if item.number is not None:
            out.append(str(item.number))
        if len(item.children) == 1:
            waiting += [item.children[0], " " if item.number is not None else ""]
        elif item.children:
            for child in reversed(item.children):
                waiting += [")", child, "("]
            if item.number is not None:
                waiting.append(" ")
    return "".join(out)
