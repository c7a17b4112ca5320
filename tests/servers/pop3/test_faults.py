import re

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.pop3.faults import reply_to

# IANA's registry of POP3 response codes.
CODES = {"LOGIN-DELAY", "IN-USE", "SYS/TEMP", "SYS/PERM", "AUTH", "UTF8"}


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_has_a_negative_reply_with_a_registered_code_or_none(kind: Kind) -> None:
    found = re.fullmatch(rb"-ERR (?:\[([^]]+)\] )?[ -~]+\r\n", reply_to(Fault(kind)))
    assert found is not None
    assert found[1] is None or found[1].decode() in CODES


def test_a_mistake_of_the_server_is_told_as_temporary_and_without_its_words() -> None:
    assert reply_to(Fault(Kind.FAILED, "secret")) == reply_to(Fault(Kind.INVALID_PROPERTIES))
    assert b"[SYS/TEMP]" in reply_to(Fault(Kind.FAILED))
