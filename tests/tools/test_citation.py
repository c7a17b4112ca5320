import pytest

from tools import citation
from tools.citation import Citation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Folding (RFC 5322 §2.2.3).", [Citation(5322, ("2.2.3",))]),
        ("LMTP, RFC 2033.", [Citation(2033, ())]),
        ("RFC 8620 §5.1, §5.2 and §5.3", [Citation(8620, ("5.1", "5.2", "5.3"))]),
        ("RFC 2045 §2.7-§2.9: eight bits", [Citation(2045, ("2.7", "2.9"))]),
        ("RFC 5322 §A.1.2", [Citation(5322, ("A.1.2",))]),
        ("RFC 8620 §2, RFC 8621 §1.3", [Citation(8620, ("2",)), Citation(8621, ("1.3",))]),
        ("RFC 2047 §5 (3): in a phrase", [Citation(2047, ("5",))]),
        ('RFC 8621 §2: "a Net-Unicode string [RFC5198]"', [Citation(8621, ("2",))]),
        ("the year 8621", []),
        ("BODY[...], and RFC822, `RFC822.SIZE` (RFC 3501 §7.4.2)", [Citation(3501, ("7.4.2",))]),
        ("APPNOTE 6.3 §4.3.12", []),
    ],
)
def test_a_citation_in_the_one_spelling_is_read(text: str, expected: list[Citation]) -> None:
    assert (expected, []) == citation.read_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "rfc9051",
        "rfc 9051",
        "RFC9051 §6.4.4",
        "RFC-9051",
        "RFC 8621 section 4",
        "RFC 8621, Section 4.1",
        "RFC 8621 Sec. 4",
        "RFC 5322 Appendix A",
        "RFC 3501 6.4.3",
        "RFC 8621§4",
        "RFC 8621 § 4",
        "RFC 8621 §§4",
        "RFCs 8620 and 8621",
        "https://www.rfc-editor.org/rfc/rfc8621",
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    _, wrong = citation.read_text(text)

    assert len(wrong) == 1


def test_citations_are_found_in_docstrings_and_comments_but_not_in_data() -> None:
    source = '''"""Dates (RFC 5322
§3.3)."""

class Reader:
    """Reads, see RFC 2822."""

    def read(self) -> str:
        # "MUST NOT" (RFC 8621
        # §4.1.2) and so on
        return "rfc9999"  # RFC 8620 §1.4
'''

    citations, wrong = citation.read(source)

    assert not wrong
    assert [
        Citation(5322, ("3.3",)),
        Citation(2822, ()),
        Citation(8621, ("4.1.2",)),
        Citation(8620, ("1.4",)),
    ] == citations


def test_a_misspelling_is_reported_with_its_line() -> None:
    _, wrong = citation.read("import os\n\n# see rfc822 for more\n")

    assert [(found.line, found.text.strip()) for found in wrong] == [(3, "see rfc822 for more")]
