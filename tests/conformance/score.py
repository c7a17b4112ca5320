"""The result of a run of jmap-test-suite: which tests passed, which failures are our choice, and the page about it."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_IMAP_SCORE = re.compile(r"\*\*(\d+ of \d+) pass\*\*")
_OF_IMAP = "Of IMAP:"


@dataclass(frozen=True)
class Outcome:
    """One test of the suite."""

    id: str
    name: str
    source: str  # where the test says its demand stands, "RFC 8621 §4.4"
    required: bool
    status: str  # pass, fail or skip
    error: str

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Outcome":
        """Read one entry of the report's `results`."""
        source = f"{found['rfc'].replace('RFC', 'RFC ')} §{found['section']}"
        error = str(found.get("error", ""))
        return cls(found["testId"], found["name"], source, bool(found["required"]), found["status"], error)


@dataclass(frozen=True)
class Run:
    """What was run, when, and what came of it."""

    suite_version: str
    server_version: str
    date: str
    outcomes: tuple[Outcome, ...]

    @classmethod
    def from_report(cls, text: str, *, suite_version: str, server_version: str) -> "Run":
        """Read the suite's JSON report. Raises ValueError or KeyError if it is not one."""
        report = json.loads(text)
        outcomes = tuple(Outcome.from_json(found) for found in report["results"])
        return cls(suite_version, server_version, report["timestamp"][:10], outcomes)

    def having(self, status: str) -> list[Outcome]:
        """The tests that ended so, in the suite's order."""
        return [outcome for outcome in self.outcomes if outcome.status == status]


def read_expected(text: str) -> dict[str, str]:
    """Read the list of failures that are our choice: test id -> reason. Raises ValueError where a reason lacks."""
    expected = {name: str(entry.get("reason", "")).strip() for name, entry in tomllib.loads(text).items()}
    if lacking := sorted(name for name, reason in expected.items() if not reason):
        raise ValueError(f"without a reason: {', '.join(lacking)}")
    return expected


def complaints(run: Run, expected: Mapping[str, str], *, whole: bool = True) -> list[str]:
    """Say what makes the run a failure: an unexpected failure, or an expected one that does not come.

    Only a `whole` run shows that an expected failure's test is gone.
    """
    found = [f"{o.id} failed: {o.error}" for o in run.having("fail") if o.id not in expected]
    found += [f"{o.id} passes: take it out of the list" for o in run.having("pass") if o.id in expected]
    known = {o.id for o in run.outcomes}
    gone = sorted(expected.keys() - known) if whole else []
    return found + [f"{name} is no test of the suite (any more)" for name in gone]


def page(run: Run, expected: Mapping[str, str]) -> str:
    """Write the reference page as Markdown."""
    passed, failed, skipped = run.having("pass"), run.having("fail"), run.having("skip")
    suite = f"[jmap-test-suite](https://github.com/jmapio/jmap-test-suite) {run.suite_version}"
    score = f"**{len(passed)} of {len(run.outcomes)} tests pass**, {len(failed)} fail, {len(skipped)} are skipped"
    lines = [
        "# Conformance",
        "",
        "Written by `just conformance`; do not edit.",
        "",
        f"Pillarbox {run.server_version} against {suite} on {run.date}: {score}.",
        "",
        *counts("Demand", by_demand(run.outcomes)),
        "",
        *counts("Category", by_category(run.outcomes)),
        "",
        "## Failing",
        "",
        *(reasons(failed, expected) or ["None."]),
        "",
        "## Skipped",
        "",
        *(skips(skipped) or ["None."]),
    ]
    return "\n".join(lines) + "\n"


def with_imap(page: str, imap_page: str) -> str:
    """The page, with a paragraph that tells the score of IMAP's, and leads there."""
    score = _IMAP_SCORE.search(imap_page)
    told = f"**{score[1]}** of imaptest's scripted tests pass" if score is not None else "imaptest's scripted tests"
    line = f"{_OF_IMAP} {told}; [which do not, and why](conformance-imap.md)."
    paragraphs = [text for text in page.split("\n\n") if not text.startswith(_OF_IMAP)]
    return "\n\n".join([*paragraphs[:3], line, *paragraphs[3:]])


def by_demand(outcomes: Iterable[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """Part the tests into required and recommended ones."""
    kept = list(outcomes)
    return [("Required", [o for o in kept if o.required]), ("Recommended", [o for o in kept if not o.required])]


def by_category(outcomes: Iterable[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """Part the tests by the first half of their ids, in the suite's order."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.id.partition("/")[0], []).append(outcome)
    return list(groups.items())


def counts(title: str, groups: Iterable[tuple[str, list[Outcome]]]) -> list[str]:
    """A table: a row for each group, with how many passed, failed and were skipped."""
    lines = [f"| {title} | Pass | Fail | Skip |", "|---|---:|---:|---:|"]
    for name, outcomes in groups:
        tally = Counter(outcome.status for outcome in outcomes)
        lines.append(f"| {name} | {tally['pass']} | {tally['fail']} | {tally['skip']} |")
    return lines


def reasons(failed: Iterable[Outcome], expected: Mapping[str, str]) -> list[str]:
    """A line for each failure: by our choice with its reason, or a fault with the suite's words."""
    return [
        f"- `{o.id}` ({o.source}): " + (expected.get(o.id) or f"a fault of ours. The suite says: {one_line(o.error)}")
        for o in failed
    ]


def skips(skipped: Iterable[Outcome]) -> list[str]:
    """A line for each reason for skipping, with the tests that it holds back."""
    groups: dict[str, list[str]] = {}
    for outcome in skipped:
        groups.setdefault(one_line(outcome.error), []).append(f"`{outcome.id}`")
    return [f"- {reason}: {', '.join(ids)}" for reason, ids in groups.items()]


def one_line(text: str) -> str:
    """The text in one line of at most 200 characters, safe inside Markdown."""
    flat = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return flat if len(flat) <= 200 else flat[:199] + "…"
