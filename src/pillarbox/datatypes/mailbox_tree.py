"""The tree that parentId makes of mailboxes: its checks, its order, its paths (RFC 8621 §2, §2.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from pillarbox.datatypes.mailbox_name import INBOX, SEPARATOR, means_inbox, to_level


class Node(Protocol):
    """What has an id and perhaps a parent."""

    @property
    def id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...


class Named(Node, Protocol):
    """What has a name there, too, and perhaps a role."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str | None: ...


N = TypeVar("N", bound=Node)


def ancestors(nodes: Mapping[str, N], node: Node) -> list[str]:
    """The ids above a node, nearest first; ends where the tree ends or would come round."""
    out: list[str] = []
    parent = node.parent_id
    while parent is not None and parent in nodes and parent not in out:
        out.append(parent)
        parent = nodes[parent].parent_id
    return out


def path_to(nodes: Mapping[str, Named], node: Named) -> tuple[str, ...]:
    """The names on the way to a mailbox; the inbox is INBOX, whatever its name, and no other is."""
    above = [nodes[id] for id in reversed(ancestors(nodes, node))]
    return tuple(_label(one) for one in (*above, node))


def _label(node: Named) -> str:
    if node.role == "inbox":
        return INBOX
    return f"{node.name}_" if node.parent_id is None and means_inbox(node.name) else node.name


def imap_name(nodes: Mapping[str, Named], node: Named) -> str:
    """The name of a mailbox in its account, as IMAP spells it (RFC 9051 §5.1)."""
    return SEPARATOR.join(map(to_level, path_to(nodes, node)))


def is_loop(nodes: Mapping[str, N], node: Node) -> bool:
    """Whether the node would be inside itself, where RFC 8621 §2 says "There MUST NOT be a loop"."""
    return node.parent_id == node.id or node.id in ancestors(nodes, node)


def depth_below(nodes: Mapping[str, N], node: Node) -> int:
    """How deep the deepest mailbox at or under the node would be; 1 is the top level."""
    children: dict[str | None, list[str]] = {}
    for other in nodes.values():
        children.setdefault(other.parent_id, []).append(other.id)
    depth, level = len(ancestors(nodes, node)), [node.id]
    seen: set[str] = set()
    while level:
        depth += 1
        seen.update(level)
        level = [child for id in level for child in children.get(id, ()) if child not in seen and child != node.id]
    return depth


def arrange(matched: Sequence[N], everything: Sequence[N], *, sort_as_tree: bool, filter_as_tree: bool) -> list[N]:
    """The results of a query as a tree: children after their parents, and only below parents that match.

    RFC 8621 §2.3.
    """
    out = list(matched)
    if filter_as_tree:
        nodes, wanted = {n.id: n for n in everything}, {n.id for n in matched}
        out = [n for n in out if wanted.issuperset(ancestors(nodes, n))]
    if sort_as_tree:
        chosen = {n.id for n in out}
        out = [n for n in _walk(everything) if n.id in chosen]
    return out


def _walk(everything: Sequence[N]) -> list[N]:
    """All nodes depth first, siblings in the order given."""
    known = {n.id for n in everything}
    children: dict[str | None, list[N]] = {}
    for node in reversed(everything):
        children.setdefault(node.parent_id if node.parent_id in known else None, []).append(node)
    out: list[N] = []
    stack = list(children.get(None, ()))
    while stack:
        node = stack.pop()
        out.append(node)
        stack.extend(children.get(node.id, ()))
    return out
