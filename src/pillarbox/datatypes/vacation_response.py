"""VacationResponse: the answer that is sent to mail while the user is away (RFC 8621 §8)."""

from __future__ import annotations

from pillarbox.core.clock import from_date, is_utc_date
from pillarbox.core.faults import invalid
from pillarbox.datatypes.capability import VACATION
from pillarbox.datatypes.declare import GET, SET, DataType, Record, Rules
from pillarbox.datatypes.view import Transaction

_MAX_SUBJECT, _MAX_BODY = 1_000, 200_000


class VacationResponse(Record, frozen=True):
    """The one vacation response of an account (RFC 8621 §8)."""

    is_enabled: bool = False
    from_date: str | None = None
    to_date: str | None = None
    subject: str | None = None
    text_body: str | None = None
    html_body: str | None = None

    def is_due(self, now_ms: int) -> bool:
        """Whether mail that arrives now is answered: on or after fromDate, before toDate (RFC 8621 §8)."""
        first = from_date(self.from_date) if self.from_date else None
        last = from_date(self.to_date) if self.to_date else None
        return self.is_enabled and (first is None or first <= now_ms) and (last is None or now_ms < last)


class VacationResponseRules(Rules[VacationResponse]):
    """The dates are UTCDates, the texts of a size that can be sent."""

    def check(self, tx: Transaction, account: str, old: VacationResponse | None, new: VacationResponse | None) -> None:
        if new is None:
            return
        dates = {"fromDate": new.from_date, "toDate": new.to_date}
        wrong = [name for name, date in dates.items() if date is not None and not is_utc_date(date)]
        sizes = {
            "subject": (new.subject, _MAX_SUBJECT),
            "textBody": (new.text_body, _MAX_BODY),
            "htmlBody": (new.html_body, _MAX_BODY),
        }
        wrong += [name for name, (text, limit) in sizes.items() if text is not None and len(text) > limit]
        if wrong:
            raise invalid(wrong, f"{', '.join(wrong)}: no UTCDate, or too long")


VACATION_RESPONSE = DataType(
    VacationResponse,
    letter="v",
    capability=VACATION,
    methods=frozenset({GET, SET}),
    rules=VacationResponseRules(),
    singleton=True,
)
