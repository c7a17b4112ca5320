from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap.faults import ANSWERS, answer_to


def test_every_fault_has_an_answer() -> None:
    assert set(ANSWERS) == set(Kind)


def test_what_a_fault_says_is_one_line_of_ascii() -> None:
    done = answer_to(Fault(Kind.NOT_FOUND, "no \r\n* BYE such ma\N{LATIN SMALL LETTER I WITH DIAERESIS}lbox"))
    assert done.line("a1") == b"a1 NO [NONEXISTENT] no * BYE such ma?lbox\r\n"
