"""Of which messages a domain hears, by its `fo`, and what."""

from __future__ import annotations

import pytest

from pillarbox.services.dmarc_failure import Failure, failure_of
from tests.support.failed_mail import RUF, authenticated, peer, signature

BROKEN = signature("sender.example", "fail", "the signature does not fit")
CHANGED = signature("sender.example", "fail", "the body was changed")
GOOD = signature("sender.example", "pass")


def test_a_message_that_nothing_proves_is_told_without_being_asked_how() -> None:
    failure = failure_of(authenticated(RUF, BROKEN), peer(), "reject")
    assert failure is not None
    assert (failure.kind, failure.domain, failure.author) == ("dmarc", "sender.example", "sender.example")
    assert (failure.unaligned, failure.delivery_result) == (("dkim", "spf"), "reject")
    assert [to.address for to in failure.destinations] == ["ruf@sender.example"]
    assert failure.signature is BROKEN
    assert failure.spf_domain == "sender.example"


@pytest.mark.parametrize(
    ("options", "result", "dkim", "spf", "kind"),
    [
        ("", "pass", True, False, None),
        ("0", "pass", True, False, None),
        ("0", "fail", False, False, "dmarc"),
        ("1", "fail", False, False, "dmarc"),
        ("1", "pass", True, False, "dmarc"),
        ("1", "pass", False, True, "dmarc"),
        ("1", "pass", True, True, None),
        ("0:1", "pass", True, False, "dmarc"),
        ("0", "temperror", False, False, None),
        ("1", "temperror", False, False, None),
        ("0", "none", False, False, None),
    ],
)
def test_fo_says_which_failures_of_dmarc_are_told(
    options: str, result: str, dkim: bool, spf: bool, kind: str | None
) -> None:
    found = authenticated(
        f"{RUF}; fo={options}", result=result, dkim_aligned=dkim, spf_aligned=spf, spf="pass" if spf else "none"
    )
    failure = failure_of(found, peer(), "none")
    assert (failure.kind if failure is not None else None) == kind
    if failure is not None:
        assert failure.unaligned == tuple(name for name, is_aligned in (("dkim", dkim), ("spf", spf)) if not is_aligned)


@pytest.mark.parametrize(
    ("options", "signatures", "spf", "kind"),
    [
        ("d", (BROKEN,), "pass", "signature"),
        ("d", (GOOD, CHANGED), "pass", "bodyhash"),
        ("d", (signature("other.example", "permerror"),), "pass", "signature"),
        ("d", (GOOD,), "fail", None),
        ("d", (signature("sender.example", "temperror"),), "fail", None),
        ("s", (BROKEN,), "pass", None),
        ("s", (GOOD,), "fail", "spf"),
        ("s", (GOOD,), "softfail", "spf"),
        ("s", (GOOD,), "temperror", None),
        ("s", (GOOD,), "neutral", None),
        ("d:s", (BROKEN,), "fail", "signature"),
        ("d:s", (GOOD,), "fail", "spf"),
    ],
)
def test_fo_asks_for_failures_of_a_method_alone_though_dmarc_passes(
    options: str, signatures: tuple[object, ...], spf: str, kind: str | None
) -> None:
    found = authenticated(f"{RUF}; fo={options}", *signatures, result="pass", dkim_aligned=True, spf=spf)  # type: ignore[arg-type]
    failure = failure_of(found, peer(), "none")
    assert (failure.kind if failure is not None else None) == kind


def test_what_belongs_to_another_method_is_not_told() -> None:
    of_spf = failure_of(authenticated(f"{RUF}; fo=s", BROKEN), peer(), "none")
    assert of_spf is not None
    assert (of_spf.signature, of_spf.spf_domain) == (None, "sender.example")
    of_dkim = failure_of(authenticated(f"{RUF}; fo=d", BROKEN), peer(), "none")
    assert of_dkim is not None
    assert (of_dkim.signature, of_dkim.spf_domain) == (BROKEN, "")


def test_signatures_and_records_of_strangers_are_no_failure_of_the_author() -> None:
    found = authenticated(RUF, signature("mallory.example", "fail"), spf_domain="mallory.example")
    failure = failure_of(found, peer(), "none")
    assert failure is not None
    assert (failure.signature, failure.spf_domain) == (None, "")


def test_a_subdomains_failure_is_told_by_the_policy_above_it() -> None:
    failure = failure_of(authenticated(author="news.sender.example"), peer(), "quarantine")
    assert failure is not None
    assert (failure.domain, failure.author, failure.delivery_result) == (
        "sender.example",
        "news.sender.example",
        "spam",
    )


def nothing(failure: Failure | None) -> bool:
    return failure is None


def test_nothing_is_told_where_nobody_asks_or_whom_to_tell_is_a_guess() -> None:
    assert nothing(failure_of(authenticated("rua=mailto:a@sender.example; fo=1:d:s"), peer(), "none"))
    assert nothing(failure_of(authenticated(f"{RUF}; psd=y"), peer(), "none"))
    assert nothing(failure_of(authenticated(problem="several From fields"), peer(), "none"))
    assert nothing(failure_of(authenticated(), peer(mail_from=""), "none"))
