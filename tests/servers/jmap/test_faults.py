"""The table from faults to JMAP's errors has a row for each kind, and tells the facts that clients need."""

import pytest

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.servers.http import faults as http_faults
from pillarbox.servers.jmap.faults import TYPES, method_error, set_error


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_row(kind: Kind) -> None:
    assert kind in TYPES
    assert 400 <= http_faults.STATUS[kind] < 600


def test_an_error_tells_its_type_the_detail_and_the_facts() -> None:
    fault = Fault(Kind.ALREADY_EXISTS, "the name is taken", existing_id="m1", secret="not for the wire")
    assert set_error(fault) == {"type": "alreadyExists", "description": "the name is taken", "existingId": "m1"}


def test_a_fault_without_a_detail_is_its_type_alone() -> None:
    assert method_error(Fault(Kind.STATE_MISMATCH)) == {"type": "stateMismatch"}


def test_wrong_properties_are_named_in_a_set_error_and_wrong_arguments_in_a_method_error() -> None:
    assert set_error(invalid(["name", "role"])) == {"type": "invalidProperties", "properties": ["name", "role"]}
    fault = Fault(Kind.INVALID_ARGUMENTS, "ids: wrong", arguments=["ids"])
    assert method_error(fault) == {"type": "invalidArguments", "description": "ids: wrong", "arguments": ["ids"]}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(Kind.BLOB_NOT_FOUND, not_found=["b1"]), {"type": "blobNotFound", "notFound": ["b1"]}),
        (Fault(Kind.TOO_MANY_RECIPIENTS, max_recipients=9), {"type": "tooManyRecipients", "maxRecipients": 9}),
        (
            Fault(Kind.INVALID_RECIPIENTS, invalid_recipients=["x"]),
            {"type": "invalidRecipients", "invalidRecipients": ["x"]},
        ),
        (Fault(Kind.TOO_LARGE, max_size=5), {"type": "tooLarge", "maxSize": 5}),
        (Fault(Kind.INVALID_MESSAGE, properties=["from"]), {"type": "invalidEmail", "properties": ["from"]}),
    ],
)
def test_the_facts_of_mail_are_told_by_their_names_in_rfc_8621(fault: Fault, expected: dict[str, object]) -> None:
    assert set_error(fault) == expected
