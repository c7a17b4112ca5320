import pytest

from pillarbox.wire.imap.fetch_item import ALL, FAST, FULL, Binary, BinarySize, FetchItem, Plain, Preview, Section
from pillarbox.wire.imap.fetch_syntax import _usual_items
from pillarbox.wire.imap.message_command import Fetch, Partial
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet
from tests.wire.imap.server import parsed, refused

ONE = SequenceSet(((1, 1),))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("ALL", ALL),
        ("fast", FAST),
        ("Full", FULL),
        ("FLAGS", (Plain.FLAGS,)),
        ("(FLAGS)", (Plain.FLAGS,)),
        ("(flags uid)", (Plain.FLAGS, Plain.UID)),
        ("(UID UID)", (Plain.UID, Plain.UID)),
        (
            "(INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)",
            (Plain.INTERNALDATE, Plain.RFC822_SIZE, Plain.ENVELOPE, Plain.BODY, Plain.BODYSTRUCTURE),
        ),
        ("(MODSEQ EMAILID THREADID SAVEDATE)", (Plain.MODSEQ, Plain.EMAILID, Plain.THREADID, Plain.SAVEDATE)),
        ("BODY[]", (Section(),)),
        ("BODY.PEEK[]", (Section(is_peek=True),)),
        ("body.peek[header]", (Section(what="HEADER", is_peek=True),)),
        ("BODY[TEXT]<0.2048>", (Section(what="TEXT", partial=(0, 2048)),)),
        ("BODY[]<4294967296.1>", (Section(partial=(4294967296, 1)),)),
        ("BODY[1.2.30]", (Section((1, 2, 30)),)),
        ("BODY[1.MIME]", (Section((1,), "MIME"),)),
        ("BODY[4.1.TEXT]", (Section((4, 1), "TEXT"),)),
        (
            "BODY.PEEK[HEADER.FIELDS (DATE From)]",
            (Section(what="HEADER.FIELDS", fields=("DATE", "From"), is_peek=True),),
        ),
        ('BODY[2.HEADER.FIELDS.NOT ("X-A")]', (Section((2,), "HEADER.FIELDS.NOT", ("X-A",)),)),
        ("BODY[HEADER.FIELDS ({4+}\r\nDate)]", (Section(what="HEADER.FIELDS", fields=("Date",)),)),
        ("RFC822", (Section(label="RFC822"),)),
        ("RFC822.HEADER", (Section(what="HEADER", is_peek=True, label="RFC822.HEADER"),)),
        ("RFC822.TEXT", (Section(what="TEXT", label="RFC822.TEXT"),)),
        ("BINARY[1]", (Binary((1,)),)),
        ("BINARY[]", (Binary(),)),
        ("BINARY.PEEK[1.2]<5.10>", (Binary((1, 2), is_peek=True, partial=(5, 10)),)),
        ("BINARY.SIZE[3]", (BinarySize((3,)),)),
        ("PREVIEW", (Preview(),)),
        ("(PREVIEW UID)", (Preview(), Plain.UID)),
        ("(UID PREVIEW (LAZY))", (Plain.UID, Preview(is_lazy=True))),
        ("PREVIEW (lazy)", (Preview(is_lazy=True),)),
        (
            "(UID FLAGS BODY.PEEK[HEADER.FIELDS (From To)] BODY.PEEK[TEXT]<0.100>)",
            (
                Plain.UID,
                Plain.FLAGS,
                Section(what="HEADER.FIELDS", fields=("From", "To"), is_peek=True),
                Section(what="TEXT", is_peek=True, partial=(0, 100)),
            ),
        ),
    ],
)
def test_items(text: str, items: tuple[FetchItem, ...]) -> None:
    assert parsed(f"FETCH 1 {text}") == Fetch(ONE, items, is_uid=False)
    assert parsed(f"UID FETCH 1 {text}") == Fetch(ONE, items, is_uid=True)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("5", ((5, 5),)),
        ("*", ((STAR, STAR),)),
        ("2:4", ((2, 4),)),
        ("4:2", ((4, 2),)),
        ("3291:*", ((3291, STAR),)),
        ("*:4,5:7", ((STAR, 4), (5, 7))),
        ("1:4294967295", ((1, 4294967295),)),
        ("1,1,1", ((1, 1), (1, 1), (1, 1))),
    ],
)
def test_sets(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert parsed(f"UID FETCH {text} UID") == Fetch(SequenceSet(ranges), (Plain.UID,), is_uid=True)


def test_the_saved_result_is_a_set() -> None:
    assert parsed("FETCH $ UID") == Fetch(SequenceSet(is_saved=True), (Plain.UID,), is_uid=False)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1:0",
        "01",
        "-1",
        "",
        "1,",
        ",1",
        "1:",
        ":1",
        "1:2:3",
        "4294967296",
        "1:9999999999",
        "$,1",
        "1 2",
        "1;2",
        "**",
    ],
)
def test_what_is_no_set_is_refused(text: str) -> None:
    assert refused(f"FETCH {text} UID").startswith("BAD ")


def test_a_set_of_very_many_ranges_is_read_in_one_go() -> None:
    text = ",".join(str(2 * number + 1) for number in range(10000))
    command = parsed(f"UID FETCH {text} UID")
    assert isinstance(command, Fetch)
    assert len(command.set.ranges) == 10000


@pytest.mark.parametrize(
    ("text", "changed_since", "wants_vanished", "partial"),
    [
        ("(CHANGEDSINCE 12345)", 12345, False, None),
        ("(CHANGEDSINCE 0)", 0, False, None),
        ("(changedsince 9223372036854775807 vanished)", 2**63 - 1, True, None),
        ("(VANISHED CHANGEDSINCE 1)", 1, True, None),
        ("(PARTIAL 1:500)", None, False, Partial(1, 500)),
        ("(PARTIAL -1:-3 CHANGEDSINCE 7)", 7, False, Partial(-1, -3)),
    ],
)
def test_modifiers(text: str, changed_since: int | None, wants_vanished: bool, partial: Partial | None) -> None:
    expected = Fetch(ONE, (Plain.FLAGS,), True, changed_since, wants_vanished, partial)
    assert parsed(f"UID FETCH 1 FLAGS {text}") == expected
    assert parsed(f"UID FETCH 1 (FLAGS) {text}") == expected


def test_modifiers_follow_a_preview() -> None:
    assert parsed("FETCH 1 PREVIEW (CHANGEDSINCE 5)") == Fetch(ONE, (Preview(),), is_uid=False, changed_since=5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "FOO",
        "(FLAGS",
        "FLAGS)",
        "(FLAGS  UID)",
        "( FLAGS)",
        "(FLAGS ALL)",
        "(ALL)",
        "FLAGS UID",
        "BODY.PEEK",
        "BODY[",
        "BODY[]]",
        "BODY[0]",
        "BODY[1.]",
        "BODY[1..2]",
        "BODY[01]",
        "BODY[MIME]",
        "BODY[FOO]",
        "BODY[HEADERS]",
        "BODY[HEADER.FIELDS]",
        "BODY[HEADER.FIELDS ()]",
        "BODY[HEADER.FIELDS Date]",
        "BODY[HEADER.FIELDS (Date]",
        "BODY[1.HEADER.MIME]",
        "BODY[]<0>",
        "BODY[]<0.0>",
        "BODY[]<.5>",
        "BODY[]<-1.5>",
        "BODY[]<0.5",
        "BODY[]<0.9223372036854775808>",
        "BODYSTRUCTURE[]",
        "RFC822[]",
        "FLAGS[]",
        "BINARY",
        "BINARY[TEXT]",
        "BINARY.SIZE[1]<0.5>",
        "(PREVIEW (EAGER))",
        "FLAGS (CHANGEDSINCE)",
        "FLAGS (CHANGEDSINCE -1)",
        "FLAGS (CHANGEDSINCE 9223372036854775808)",
        "FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        "FLAGS (VANISHED)",
        "FLAGS (FOO)",
        "FLAGS ()",
        "FLAGS (CHANGEDSINCE 1) UID",
        "FLAGS (PARTIAL 1:*)",
        "FLAGS (PARTIAL 0:5)",
        "FLAGS (PARTIAL -1:5)",
        "FLAGS (PARTIAL 5)",
    ],
)
def test_what_cannot_be_fetched_is_refused(text: str) -> None:
    assert refused(f"UID FETCH 1 {text}").startswith("BAD ")


def test_vanished_is_for_uid_fetch() -> None:
    assert refused("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").startswith("BAD ")


def test_a_part_that_lies_very_deep_is_refused() -> None:
    assert isinstance(parsed(f"FETCH 1 BODY[{'.'.join('1' * 100)}]"), Fetch)
    assert refused(f"FETCH 1 BODY[{'.'.join('1' * 101)}]").startswith("BAD ")
    assert refused("FETCH 1 BODY[9999999999]").startswith("BAD ")


def test_only_so_many_items_are_fetched() -> None:
    assert refused(f"FETCH 1 ({' '.join(['UID'] * 201)})").startswith("NO [LIMIT] ")


def test_parentheses_without_end_are_refused_in_no_time() -> None:
    assert refused("FETCH 1 " + "(" * 60000).startswith("BAD ")
    assert refused("FETCH 1 (BODY[HEADER.FIELDS (" + "x " * 30000).startswith("NO [LIMIT] ")
    assert refused("FETCH 1 (" + "()" * 30000).startswith("BAD ")


def test_only_short_lists_of_items_are_kept() -> None:
    before = _usual_items.cache_info().currsize
    fields = " ".join(f"X-{number}" for number in range(200))
    for name in ("BODY", "BODY.PEEK"):
        assert isinstance(parsed(f"FETCH 1 ({name}[HEADER.FIELDS ({fields})])"), Fetch)
    assert _usual_items.cache_info().currsize == before


@pytest.mark.parametrize(
    ("partial", "count", "ends"),
    [
        (Partial(1, 500), 1000, (0, 500)),
        (Partial(500, 1), 1000, (0, 500)),
        (Partial(501, 1000), 700, (500, 700)),
        (Partial(501, 1000), 500, (500, 500)),
        (Partial(501, 1000), 10, (10, 10)),
        (Partial(-1, -100), 1000, (900, 1000)),
        (Partial(-100, -1), 1000, (900, 1000)),
        (Partial(-1, -100), 30, (0, 30)),
        (Partial(-50, -100), 30, (0, 0)),
        (Partial(-2, -2), 3, (1, 2)),
    ],
)
def test_a_partial_is_a_slice_of_rising_results(partial: Partial, count: int, ends: tuple[int, int]) -> None:
    assert partial.bounded(count) == ends
