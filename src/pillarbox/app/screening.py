"""The stages that look at who brings mail, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from pillarbox.app.config.screening import Screening
from pillarbox.net.bridge import Bridge
from pillarbox.servers.smtp.block_list import BlockLists, BlockListStage, Resolver
from pillarbox.servers.smtp.greylist import GreylistStage
from pillarbox.servers.smtp.stage import Stage
from pillarbox.services.block_list import AddressList, parse_list
from pillarbox.services.greylisting import Greylisting


class ScreeningError(Exception):
    """A setting of `screening` cannot be obeyed; the message says why."""


def screening_stages(screening: Screening, bridge: Bridge, resolver: Resolver) -> Iterator[Callable[[], Stage]]:
    """What makes the stages of one connection, in order. Raises ScreeningError."""
    if screening.block_lists:
        yield partial(BlockListStage, block_lists_of(screening), resolver)
    if screening.greylisting:
        shared = GreylistStage(bridge, greylisting_of(screening))
        yield lambda: shared


def block_lists_of(screening: Screening) -> BlockLists:
    """The lists that the settings name. Raises ScreeningError."""
    return BlockLists(
        block=_lists("block_lists", screening.block_lists),
        allow=_lists("allow_lists", screening.allow_lists),
        action=screening.block_list_action,
    )


def greylisting_of(screening: Screening) -> Greylisting:
    """How the settings want greylisting."""
    return Greylisting(delay_ms=screening.greylist_seconds * 1000, trusted_after=screening.greylist_trusted_after)


def _lists(name: str, texts: Iterable[str]) -> tuple[AddressList, ...]:
    try:
        return tuple(parse_list(text) for text in texts)
    except ValueError as error:
        raise ScreeningError(f"screening.{name}: {error}") from None
