import re

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.imap.done import no, ok

# RFC 9051 §9: resp-text = ["[" resp-text-code "]" SP] [text], in a line of ASCII.
_LINE = re.compile(rb"t1 (?:OK|NO) (?:\[CANNOT\] )?[!-Z\\-~][ -~]*\r\n")


@given(st.text(st.characters(), max_size=60))
def test_whatever_the_words_are_they_are_one_line_and_no_response_code(text: str) -> None:
    assert _LINE.fullmatch(ok(text).line("t1"))
    assert _LINE.fullmatch(no(text, "CANNOT").line("t1"))
