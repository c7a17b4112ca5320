"""The reading of a report, and what counts as a failed run."""

import json

import pytest

from tests.conformance import score


def result(test_id: str, status: str, *, required: bool = True, error: str = "") -> dict[str, object]:
    found: dict[str, object] = {"testId": test_id, "name": test_id, "rfc": "RFC8620", "section": "5.1"}
    return found | {"required": required, "status": status, "error": error}


def run_of(*results: dict[str, object]) -> score.Run:
    text = json.dumps({"timestamp": "2026-11-24T16:00:00.000Z", "results": results})
    return score.Run.from_report(text, suite_version="1.0.0 (abc)", server_version="0.1")


def test_a_run_in_which_all_pass_or_skip_has_no_complaint() -> None:
    run = run_of(result("core/echo", "pass"), result("push/x", "skip", error="no relay"))
    assert score.complaints(run, {}) == []


def test_an_unexpected_failure_is_a_complaint_with_the_suites_words() -> None:
    run = run_of(result("core/echo", "fail", error="Expected 1"))
    assert score.complaints(run, {}) == ["core/echo failed: Expected 1"]


def test_an_expected_failure_is_none_until_it_passes() -> None:
    expected = {"core/echo": "by choice"}
    assert score.complaints(run_of(result("core/echo", "fail")), expected) == []
    assert score.complaints(run_of(result("core/echo", "skip")), expected) == []
    assert score.complaints(run_of(result("core/echo", "pass")), expected) == [
        "core/echo passes: take it out of the list"
    ]


def test_an_expected_failure_of_a_test_that_is_gone_is_a_complaint() -> None:
    assert score.complaints(run_of(), {"core/gone": "x"}) == ["core/gone is no test of the suite (any more)"]
    assert score.complaints(run_of(), {"core/gone": "x"}, whole=False) == []


def test_an_expected_failure_needs_a_reason() -> None:
    assert score.read_expected('["a/b"]\nreason = "because"') == {"a/b": "because"}
    with pytest.raises(ValueError, match="a/b"):
        score.read_expected('["a/b"]\nreason = " "')


def test_the_projects_own_list_can_be_read() -> None:
    from tests.conformance.jmap_test_suite import EXPECTED  # noqa: PLC0415 -- only this test needs it

    assert "binary/blob-copy-not-found" in score.read_expected(EXPECTED.read_text(encoding="utf-8"))


def test_the_page_tells_score_reasons_and_skips() -> None:
    run = run_of(
        result("core/echo", "pass"),
        result("core/bad", "fail", error="Expected\n<b> | c"),
        result("binary/copy", "fail"),
        result("email/soft", "pass", required=False),
        result("push/a", "skip", error="no relay"),
        result("push/b", "skip", error="no relay"),
    )
    text = score.page(run, {"binary/copy": "RFC 8620 §6.3 says otherwise."})
    assert "jmap-test-suite) 1.0.0 (abc) on 2026-11-24: **2 of 6 tests pass**, 2 fail, 2 are skipped." in text
    assert "| Required | 1 | 2 | 2 |\n| Recommended | 1 | 0 | 0 |" in text
    assert "| core | 1 | 1 | 0 |\n| binary | 0 | 1 | 0 |" in text
    assert "- `core/bad` (RFC 8620 §5.1): a fault of ours. The suite says: Expected &lt;b> \\| c\n" in text
    assert "- `binary/copy` (RFC 8620 §5.1): RFC 8620 §6.3 says otherwise.\n" in text
    assert text.endswith("- no relay: `push/a`, `push/b`\n")


def test_a_long_error_is_cut_to_one_short_line() -> None:
    assert len(score.one_line("x" * 500)) == 200


def test_the_page_tells_the_score_of_imap_once_and_anew() -> None:
    page = score.page(run_of(result("core/echo", "pass")), {})
    first = score.with_imap(page, "each alone: **61 of 72 pass**, 6 fail")
    assert "Of IMAP: **61 of 72** of imaptest's scripted tests pass; [which do not, and why](conformance-imap.md)." in (
        first.splitlines()
    )
    second = score.with_imap(first, "each alone: **63 of 72 pass**, 8 fail")
    assert second == first.replace("61 of", "63 of")
    assert first.replace(first.split("\n\n")[3] + "\n\n", "") == page
