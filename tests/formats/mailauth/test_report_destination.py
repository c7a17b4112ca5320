from __future__ import annotations

from pillarbox.core.dns import Status
from pillarbox.formats.mailauth.dmarc_record import Destination
from pillarbox.formats.mailauth.report_destination import Destinations, agreed_destinations
from tests.support.dns_table import Table

OWN = {"_dmarc.blue.example TXT": [b"v=DMARC1; p=none"]}
QUESTION = "blue.example._report._dmarc.red.example TXT"
RED = Destination("r@red.example")


def agreed(answers: dict[str, list[bytes] | Status], *wanted: Destination, is_failure: bool = False) -> Destinations:
    return Table({**OWN, **answers}).run(agreed_destinations("blue.example", wanted, is_failure=is_failure))


def test_an_address_of_the_same_organization_needs_no_consent() -> None:
    wanted = (Destination("r@blue.example"), Destination("r@reports.blue.example"))
    assert agreed({}, *wanted) == Destinations(wanted)


def test_an_address_elsewhere_needs_consent() -> None:
    assert agreed({}, RED) == Destinations(())
    assert agreed({QUESTION: [b"v=spf1 -all"]}, RED) == Destinations(())
    assert agreed({QUESTION: [b"v=DMARC1"]}, RED) == Destinations((RED,))
    assert agreed({QUESTION: [b"junk", b"v=DMARC1;"]}, RED) == Destinations((RED,))


def test_who_consents_may_name_another_address_at_the_same_host_only() -> None:
    other = [b"v=DMARC1; rua=mailto:other@RED.example; ruf=mailto:x@evil.example"]
    assert agreed({QUESTION: other}, RED) == Destinations((Destination("other@RED.example"),))
    assert agreed({QUESTION: other}, RED, is_failure=True) == Destinations(())


def test_no_answer_is_no_consent_yet() -> None:
    assert agreed({QUESTION: Status.FAILED}, RED) == Destinations((), is_certain=False)


def test_a_name_that_the_dns_cannot_be_asked_for_is_no_consent() -> None:
    assert agreed({}, Destination("r@" + "a." * 118 + "red.example"), Destination("r@x..y")) == Destinations(())
