"""The tree that parentId makes of mailboxes: its checks, and its order (RFC 8621 §2, §2.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar


class Node(Protocol):
    """What has an id and perhaps a parent."""

    @property
    def id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...


N = TypeVar("N", bound=Node)


def ancestors(nodes: Mapping[str, N], node: Node) -> list[str]:
    """The ids above a node, nearest first; ends where the tree ends or would come round."""
    out: list[str] = []
    parent = node.parent_id
    while parent is not None and parent in nodes and parent not in out:
        out.append(parent)
        parent = nodes[parent].parent_id
    return out


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
