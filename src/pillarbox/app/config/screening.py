"""The settings of what is looked at before mail from elsewhere is taken: lists of addresses, and patience."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Doc = msgspec.Meta


class Screening(msgspec.Struct, frozen=True, kw_only=True):
    """Who may bring mail from elsewhere. See [Keep senders of spam away](../howto/keep-spam-away.md)."""

    block_lists: Annotated[
        tuple[str, ...],
        Doc(
            description="Lists of addresses to ask by DNS, such as bl.example.org, or with the answers that count,"
            " bl.example.org=127.0.0.2,127.0.0.8/29."
        ),
    ] = ()
    allow_lists: Annotated[
        tuple[str, ...], Doc(description="Lists in the same form; an address that is on one of them is not refused.")
    ] = ()
    block_list_action: Annotated[
        Literal["reject", "junk", "mark"],
        Doc(
            description="Whether mail from an address on a list is refused, goes to junk, or only gets a header field."
        ),
    ] = "reject"
    greylisting: Annotated[
        bool, Doc(description="Ask senders that have not been seen to come again after greylist_seconds.")
    ] = False
    greylist_seconds: Annotated[
        int, Doc(ge=1, description="How long a new sender has to wait before it comes again.")
    ] = 300
    greylist_trusted_after: Annotated[
        int,
        Doc(ge=0, description="After how much mail that came again a network is not asked any more; 0: it always is."),
    ] = 5
