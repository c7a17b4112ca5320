from pillarbox.core.account import DIRECTORY
from pillarbox.servers.smtp.known_recipient import KnownRecipients
from pillarbox.services.directory import Recipient

ONE, TWO = Recipient(accounts=("a1",)), Recipient(accounts=("a1", "a2"))


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms


def test_a_recipient_is_known_for_a_second() -> None:
    clock = Clock()
    known = KnownRecipients(clock)
    known.note("a@example.org", TWO)
    clock.ms = 999
    assert known.find("a@example.org") == TWO
    assert known.find("b@example.org") is None
    clock.ms = 1000
    assert known.find("a@example.org") is None


def test_a_change_of_the_directory_makes_all_unknown_and_other_changes_do_not() -> None:
    known = KnownRecipients(Clock())
    known.note("a@example.org", ONE)
    known.changed({"a1": {"Email": 7}})
    assert known.find("a@example.org") == ONE
    known.changed({DIRECTORY: {"Alias": 7}})
    assert known.find("a@example.org") is None


def test_what_is_known_is_bounded() -> None:
    known = KnownRecipients(Clock())
    for number in range(10_001):
        known.note(f"{number}@example.org", ONE)
    assert len(known._known) == 1
