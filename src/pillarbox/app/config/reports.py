"""The settings of reports about mail: those that come, and those that are sent."""

from __future__ import annotations

from typing import Annotated

import msgspec

Doc = msgspec.Meta


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    """Reports between servers about mail (DMARC, TLS, complaints). See [Read reports](../howto/read-reports.md)."""

    addresses: Annotated[
        tuple[str, ...],
        Doc(
            description="Mail to these addresses is looked at for reports after it was delivered: whole addresses, or"
            " what stands before the @ in any domain. None: reports are not read."
        ),
    ] = ("postmaster", "abuse", "dmarc", "dmarc-reports", "tls-reports", "fbl")
    dmarc_aggregate: Annotated[
        bool,
        Doc(
            description="Tell domains that ask for it in their DMARC record, once a day, how their mail came here."
            " It is counted where smtp.listen receives it."
        ),
    ] = True
    tls: Annotated[
        bool, Doc(description="Tell domains that ask for it, once a day, how TLS to their mail servers went.")
    ] = True
    dmarc_failure: Annotated[
        bool,
        Doc(
            description="Tell domains that ask for it in their DMARC record (ruf, fo) of single messages that failed,"
            " within minutes. Such a report quotes a message: see"
            " [what is in it](../howto/read-reports.md#reports-about-single-messages)."
        ),
    ] = False
    dmarc_failure_fields: Annotated[
        tuple[str, ...],
        Doc(
            description="Which header fields of the message are quoted in a failure report; `*` is all of them. The"
            " body never is."
        ),
    ] = (
        *("From", "Sender", "Date", "Message-ID", "Received", "List-Id", "MIME-Version", "Content-Transfer-Encoding"),
        *("DKIM-Signature", "Authentication-Results", "Received-SPF"),
        *("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"),
    )
    dmarc_failure_redact: Annotated[
        bool,
        Doc(
            description="Make names and what stands before the @ of addresses unreadable in failure reports (RFC 6590);"
            " the same address is made the same letters each time, for a year."
        ),
    ] = True
    dmarc_failure_an_hour: Annotated[
        int,
        Doc(
            ge=1,
            le=1000,
            description="How many failure reports go to the addresses of one domain in an hour at most. What fails"
            " alike is told once an hour, with its number.",
        ),
    ] = 20
    sender: Annotated[
        str | None,
        Doc(
            description="The address that reports come from, in a domain of this server, so that they are signed;"
            " without it, postmaster at the domain that the hostname is in, or at the first one."
        ),
    ] = None
    keep_days: Annotated[int, Doc(ge=1, description="For how many days reports that came are kept.")] = 400
