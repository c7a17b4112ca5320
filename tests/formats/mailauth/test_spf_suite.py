"""The published suite of RFC 7208, whole: `tests/data/mailauth/README.md` says where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pillarbox.core.dns import Answer, Mx, Question, Record, Status, drive
from pillarbox.formats.mailauth.spf import check_spf

FILE = Path(__file__).parents[2] / "data" / "mailauth" / "rfc7208-tests.yml"
SCENARIOS = list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))
CASES = [pytest.param(scenario, case, id=name) for scenario in SCENARIOS for name, case in scenario["tests"].items()]


class Zone:
    """The zone of a scenario as its authors mean it: SPF stands for TXT too, where no TXT is."""

    def __init__(self, data: dict[str, list[Any]]) -> None:
        self.data = {name.lower(): entries for name, entries in data.items()}

    def answer(self, question: Question, depth: int = 0) -> Answer:
        entries = self.data.get(question.name)
        if entries is None:
            return Answer(Status.NO_NAME)
        records: list[Record] = []
        for entry in entries:
            if entry == "TIMEOUT":
                if not records:
                    return Answer(Status.FAILED)
                continue
            ((kind, value),) = entry.items()
            if kind == "CNAME" and depth < 4:
                return self.answer(Question(value.lower(), question.type), depth + 1)
            if kind == question.type or (kind == "SPF" and question.type == "TXT" and not self.has(entries, "TXT")):
                if value == "TIMEOUT":
                    return Answer(Status.FAILED)
                if value != "NONE":
                    records.append(record(question.type, value))
        return Answer(Status.FOUND if records else Status.NO_DATA, tuple(records))

    @staticmethod
    def has(entries: list[Any], kind: str) -> bool:
        return any(isinstance(entry, dict) and kind in entry for entry in entries)


def record(kind: str, value: Any) -> Record:
    if kind == "MX":
        return Mx(value[0], value[1].lower())
    if kind == "TXT":
        return ("".join(value) if isinstance(value, list) else str(value)).encode()
    return str(value)


@pytest.mark.parametrize(("scenario", "case"), CASES)
def test_of_the_suite(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    check = check_spf(case["host"], case["helo"], case["mailfrom"], case.get("receiver", "unknown"))
    found = drive(check, Zone(scenario["zonedata"]).answer)
    # Where the suite allows several results, the first is the one that it prefers.
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert found.result in wanted, found
    if "explanation" in case:
        assert (found.explanation or "DEFAULT") == case["explanation"]
