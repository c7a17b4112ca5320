"""What a domain has to say about a fail: a stranger's text, fetched and expanded within limits.

Sections: RFC 7208 §6.2, §11.5.
"""

from __future__ import annotations

from pillarbox.core.dns import Lookup
from pillarbox.formats.mailauth.spf_macro import MacroString, expand, parse_macro_string
from pillarbox.formats.mailauth.spf_mechanism import Permanent, Session, Temporary, expand_target, facts_for, query

MAX_LENGTH = 400


def explain(session: Session, target: MacroString, domain: str) -> Lookup[str | None]:
    """The explanation, printable and cut; None if there is none, or anything is wrong with it (§6.2)."""
    try:
        name = yield from expand_target(session, target, domain)
        answer = yield from query(name or "", "TXT")
        texts = [record for record in answer.records if isinstance(record, bytes)]
        # "If there are any DNS processing errors ..., or if no records are returned, or if more than one record is
        # returned, or if there are syntax errors in the explanation string, then proceed as if no "exp" was given."
        if len(texts) != 1:
            return None
        pieces = parse_macro_string(texts[0].decode("ascii"), is_explanation=True)
        text = expand(pieces, (yield from facts_for(session, pieces, domain)))
    except (ValueError, Permanent, Temporary):
        return None
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:MAX_LENGTH]) or None
