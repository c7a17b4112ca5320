import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.smtp.faults import REPLIES, reply_to


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_has_a_reply_whose_codes_agree(kind: Kind) -> None:
    reply = reply_to(Fault(kind))
    assert 400 <= reply.code < 600
    # RFC 3463 §2: the class of the enhanced code is that of the reply
    assert reply.enhanced[0] == str(reply.code)[0]


def test_a_mistake_of_the_server_never_returns_mail_to_its_author() -> None:
    assert REPLIES[Kind.FAILED].code == REPLIES[Kind.UNAVAILABLE].code == REPLIES[Kind.INVALID_PROPERTIES].code == 451
