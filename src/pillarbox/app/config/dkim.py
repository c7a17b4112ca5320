"""The settings of the keys by which mail is signed."""

from __future__ import annotations

from typing import Annotated

import msgspec

Doc = msgspec.Meta


class Dkim(msgspec.Struct, frozen=True, kw_only=True):
    """The keys by which mail is signed. See [DKIM](../howto/sign-mail.md)."""

    make_keys: Annotated[
        bool, Doc(description="Make a key of RSA and one of Ed25519 for each domain that has none, and sign with them.")
    ] = True
    rotate_days: Annotated[
        int,
        Doc(
            ge=0,
            description="For how many days a key signs; 0: until somebody replaces it. The record of its successor has"
            " to be published by then, and until it is seen in the DNS the old key goes on.",
        ),
    ] = 0
    prepublish_hours: Annotated[
        int, Doc(ge=0, description="For how many hours a new key is published before it signs.")
    ] = 48
    retire_days: Annotated[
        int,
        Doc(ge=0, description="For how many days a key that signs no more stays published, for mail under way."),
    ] = 14
