"""The suites that the authors of ARC published, whole: whether chains are good, and the octets of seals."""

import re
from typing import Any

import pytest
import yaml

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.formats.mailauth.arc import read_chain, verify_chain
from pillarbox.formats.mailauth.arc_seal import next_instance, seal
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector
from pillarbox.formats.mailauth.signing_key import SigningKey, import_key
from tests.formats.mailauth.published import DATA

_PIECE = re.compile(rb"(?m)^Authentication-Results:[ \t]*([^;\n]*);((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)")


def cases(name: str) -> list[Any]:
    found = []
    for scenario in yaml.safe_load_all((DATA / "arc" / name).read_text()):
        found += [pytest.param(scenario, case, id=id) for id, case in scenario["tests"].items()]
    return found


def octets(message: str) -> bytes:
    return message.encode().replace(b"\n", b"\r\n")


def verdict(scenario: Any, message: bytes) -> str:
    records = {name.lower(): text for name, text in (scenario.get("txt-records") or {}).items()}

    def answer(question: Question) -> Answer:
        text = records.get(question.name)
        return Answer(Status.NO_NAME) if text is None else Answer(Status.FOUND, (text.encode(),))

    return drive(verify_chain(read_chain(message)), answer).result


@pytest.mark.parametrize(("scenario", "case"), cases("arc-draft-validation-tests.yml"))
def test_a_chain_is_what_the_suite_says(scenario: Any, case: Any) -> None:
    # Two cases have no result: chains that say of themselves that they are broken, of which a validator says nothing.
    expected = case["cv"].strip().lower() or "fail"
    assert verdict(scenario, octets(case["message"])) == expected


@pytest.mark.parametrize(("scenario", "case"), cases("arc-draft-sign-tests.yml"))
def test_a_seal_is_what_the_suite_says(scenario: Any, case: Any) -> None:
    message = octets(case["message"])
    chain = read_chain(message)
    instance = next_instance(chain)
    results, found = b"", "none"
    for authserv_id, rest in _PIECE.findall(message.replace(b"\r\n", b"\n")):
        if authserv_id.decode().strip() == case["srv-id"]:
            results += b"; " + rest.strip().strip(b";").strip()
            if match := re.search(rb"\barc=(\w+)", rest):
                found = match[1].decode()
    field = f"ARC-Authentication-Results: i={instance}; {case['srv-id']}".encode() + results.replace(b"\n", b"\r\n")
    key = KeyAtSelector(scenario["domain"], scenario["sel"], SigningKey(import_key(scenario["privatekey"].encode())))
    names = case["sig-headers"].split(":")
    sealed = seal(message, chain, found, field + b"\r\n", key, case["t"], names=names, width=998)
    assert fields_of(sealed) == {name: tags_of(case[name]) for name in ("AS", "AMS", "AAR") if case[name].strip()}


def fields_of(sealed: bytes) -> dict[str, set[str]]:
    short = {"ARC-Seal": "AS", "ARC-Message-Signature": "AMS", "ARC-Authentication-Results": "AAR"}
    lines = re.sub(r"\r\n[ \t]", " ", sealed.decode()).splitlines()
    return {short[line.partition(":")[0]]: tags_of(line.partition(":")[2]) for line in lines}


def tags_of(text: str) -> set[str]:
    """As the suite's own runner compares: without order and white space."""
    return set("".join(text.split()).split(";"))
