"""The settings of what has a word about mail beside the server itself: filters, web services, packages in Python."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Doc = msgspec.Meta


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Your own checks of mail that comes in by SMTP. See [Add your own checks](../howto/add-hooks.md)."""

    milters: Annotated[
        tuple[str, ...],
        Doc(description="Filters that speak the milter protocol: HOST:PORT or unix:/PATH, asked in this order."),
    ] = ()
    urls: Annotated[
        tuple[str, ...],
        Doc(
            description="Web services that are asked by POST, such as https://checks.example.org/mail; for one that is"
            " not public see outbound.allowed_networks."
        ),
    ] = ()
    url_stages: Annotated[
        tuple[Literal["connect", "hello", "sender", "recipient", "message"], ...],
        Doc(description="At which stages the web services are asked."),
    ] = ("message",)
    url_token: Annotated[
        str | None,
        Doc(description="Sent to the web services as a Bearer token. Best from a file.", extra={"secret": True}),
    ] = None
    url_max_message: Annotated[
        int, Doc(ge=0, description="How much of a message the web services are sent, in octets.")
    ] = 1024 * 1024
    python: Annotated[
        tuple[str, ...],
        Doc(description="Hooks of installed packages, by the names of their entry points in pillarbox.hooks."),
    ] = ()
    submission: Annotated[
        bool,
        Doc(description="Ask them all about mail that people submit by SMTP, too; else about mail from elsewhere."),
    ] = False
    seconds: Annotated[
        int,
        Doc(
            ge=1,
            description="How long a web service or a hook in Python may take over one question, and a filter over"
            " a command; over a message, a filter may take ten times as long.",
        ),
    ] = 30
    on_failure: Annotated[
        Literal["accept", "later", "reject"],
        Doc(description="What happens to mail while one of them does not answer, or not as it should."),
    ] = "later"
