"""What a report comes to, in words for people; it takes reports as JMAP shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pillarbox.services.reports import feedback_finding

_SHOWN = 10

# RFC 8460 §4.3: what a result means, and what to do.
_TLS_RESULTS = {
    "starttls-not-supported": "STARTTLS was not offered: set tls.certificates, or something between takes it away",
    "certificate-host-mismatch": "the certificate is for other names than the MX host: get one for this name",
    "certificate-expired": "the certificate has expired: renew it",
    "certificate-not-trusted": "no authority that is known has signed the certificate: get one that is",
    "validation-failure": "the certificate could not be verified",
    "tlsa-invalid": "the TLSA records and the certificate do not agree: publish what `pillarbox dns records` prints",
    "dnssec-invalid": "DNSSEC of the domain is broken: mend the zone's signatures",
    "dane-required": "the sender requires DANE, and there are no valid TLSA records",
    "sts-policy-fetch-error": "the MTA-STS policy could not be fetched from mta-sts.DOMAIN by HTTPS",
    "sts-policy-invalid": "the MTA-STS policy is no policy",
    "sts-webpki-invalid": "the host that serves the MTA-STS policy has no good certificate for mta-sts.DOMAIN",
}


def summary(record: Mapping[str, Any]) -> str:
    """A line about a report."""
    if "feedbackType" in record:
        return feedback_finding.summary(record)
    if "sources" in record:
        failed = record["messages"] - record["passed"]
        if not failed:
            return f"all {record['messages']} messages passed DMARC"
        addresses = {source["address"] for source in _failing(record)}
        return f"{failed} of {record['messages']} messages failed DMARC, from {_sources(len(addresses))}"
    if not record["failed"]:
        return f"TLS succeeded in all {record['succeeded']} sessions"
    return f"TLS failed in {record['failed']} of {record['failed'] + record['succeeded']} sessions"


def findings(record: Mapping[str, Any]) -> list[str]:
    """Lines about a report, the most important first."""
    if "feedbackType" in record:
        return feedback_finding.findings(record)
    return [*(_of_dmarc(record) if "sources" in record else _of_tls(record))]


def _of_dmarc(record: Mapping[str, Any]) -> Iterator[str]:
    failing = _failing(record)
    if failing:
        count = Counter[str]()
        for source in failing:
            count[source["address"]] += source["messages"]
        listed = ", ".join(f"{address} ({_messages(n)})" for address, n in count.most_common(_SHOWN))
        yield f"{_sources(len(count))} failed DMARC: {listed}" + (", and others" if len(count) > _SHOWN else "")
        yield from (_explain(source) for source in failing[:_SHOWN])
        if record["policy"] == "none":
            yield "The policy is none: such mail is delivered all the same. If these are not yours, publish another."
        elif record["rejected"] + record["quarantined"]:
            yield f"{record['rejected']} messages were rejected, {record['quarantined']} went to junk."
    else:
        yield summary(record).capitalize() + "."
    senders = Counter[str]()
    for source in record["sources"]:
        if source not in failing:
            senders[source["address"]] += source["messages"]
    if senders:
        listed = ", ".join(f"{address} ({_messages(n)})" for address, n in senders.most_common(_SHOWN))
        yield f"Who sends as {record['domain']} and may: {listed}"
    if record["sourcesOmitted"]:
        yield f"{record['sourcesOmitted']} further rows of the report are not kept."
    yield from (f"The reporter had trouble: {error}" for error in record["errors"])


def _explain(source: Mapping[str, Any]) -> str:
    """Why it failed, and what that makes of it."""
    who = f"  {source['address']} as {source['headerFrom'] or 'your domain'}:"
    if reasons := source.get("reasons"):
        return f"{who} treated mildly, as {', '.join(reasons)}; perhaps a forwarder or a list"
    signed = source.get("dkimDomains")
    if signed:
        return f"{who} signed by {', '.join(signed)} only; if this service sends for you, let it sign with your domain"
    if spf := source.get("spfDomain"):
        return f"{who} its envelope is of {spf}; if this service sends for you, set up DKIM for your domain there"
    return f"{who} neither SPF nor DKIM: somebody pretends to be you, or a server of yours is not in SPF and signs not"


def _of_tls(record: Mapping[str, Any]) -> Iterator[str]:
    yield summary(record).replace("TLS", f"TLS to {record['domain']}", 1) + "."
    for failure in record["failures"][:_SHOWN]:
        meaning = _TLS_RESULTS.get(failure["result"], "the reporter gives no more than this word")
        where = failure.get("receivingHost") or failure.get("receivingAddress") or "the MX host"
        more = f" ({failure['information']})" if failure.get("information") else ""
        yield f"  {failure['sessions']} sessions with {where}: {failure['result']}{more}; {meaning}"
    if record["failuresOmitted"] or len(record["failures"]) > _SHOWN:
        yield "  and others; --json shows them"


def _failing(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [source for source in record["sources"] if "pass" not in (source["dkim"], source["spf"])]


def _sources(count: int) -> str:
    return f"{count} source{'s' if count != 1 else ''}"


def _messages(count: int) -> str:
    return f"{count} message{'s' if count != 1 else ''}"
