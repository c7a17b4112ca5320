"""Keywords, mailboxes and names, out of headers, flags and labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.archive.gmail_label import labels_to_mailboxes, parse_labels
from pillarbox.formats.archive.keyword import maildir_keywords, parse_dovecot_keywords, to_keywords
from pillarbox.formats.archive.mailbox_name import (
    file_name,
    from_maildir_folder,
    from_modified_utf7,
    label_of_file,
    label_path,
    to_maildir_folder,
    to_modified_utf7,
)
from pillarbox.formats.archive.status_header import read_status, status_to_bytes


@pytest.mark.parametrize(
    ("header", "keywords"),
    [
        (b"Status: RO\r\nX-Status: AF\r\n", {"$seen", "$answered", "$flagged"}),
        (b"X-Status: T\r\n", {"$draft"}),
        (b"X-Keywords: Work, $Label1 \\Seen\r\n\tlater  \r\n", {"work", "$label1", "$seen", "later"}),
        (b"X-Mozilla-Status: 1007\r\nX-Mozilla-Keys: $label2 nonjunk\r\n",
         {"$seen", "$answered", "$flagged", "$forwarded", "$label2", "$notjunk"}),
        (b"X-Mozilla-Status: zz\r\nX-Status-Code: A\r\n", set()),
    ],
)  # fmt: skip
def test_status_headers_tell_keywords(header: bytes, keywords: set[str]) -> None:
    data = header + b"Subject: a\r\n\r\nStatus: R\r\n"
    status = read_status(data)
    assert status.keywords == keywords
    assert status.data == data


@pytest.mark.parametrize("header", [b"X-Status: D\r\n", b"X-Mozilla-Status: 0009\r\n"])
def test_a_message_marked_as_deleted_is_known(header: bytes) -> None:
    assert read_status(header + b"\r\n").deleted


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: a\r\n\r\nbody\r\n",
        b"",
        b"X-Keywords: mine\r\nStatus: RO\r\n\r\n",
        b" folded start\r\n",
        b"X-Keywords: \r\nX-Status: \r\nStatus: O\r\n\r\n",
    ],
)
@pytest.mark.parametrize("keywords", [set(), {"$seen"}, {"$draft", "$flagged", "work", "$mdnsent"}])
def test_our_own_block_comes_off_and_nothing_else(message: bytes, keywords: set[str]) -> None:
    written = status_to_bytes(frozenset(keywords)).replace(b"\n", b"\r\n") + message
    status = read_status(written)
    assert (status.data, status.keywords) == (message, frozenset(keywords))


def test_takeout_labels_become_mailboxes_and_keywords() -> None:
    labels = parse_labels('Inbox,Starred,"Work, urgent",Work/Invoices,Category Updates,=?UTF-8?Q?B=C3=BCro?=')
    paths, keywords = labels_to_mailboxes(labels)
    assert paths == (("INBOX",), ("Work, urgent",), ("Work", "Invoices"), ("Büro",))
    assert keywords == {"$seen", "$flagged"}


def test_unread_archived_takeout_mail_is_unseen_and_in_the_archive() -> None:
    assert labels_to_mailboxes(["Archived", "Unread", "Important"]) == ((("Archive",),), frozenset({"$important"}))


def test_labels_of_an_imap_copy_are_split_at_spaces() -> None:
    status = read_status(b'X-GM-LABELS: "\\\\Inbox" "\\\\Starred" "Two words" Plain\r\n\r\n')
    assert status.mailbox_paths == (("INBOX",), ("Two words",), ("Plain",))
    assert status.keywords == {"$flagged"}


def test_words_that_are_no_keywords_are_left_out() -> None:
    assert to_keywords(["OK", "a b", "a*", "", "{x}", 'q"', "é", "x" * 256, r"\Flagged"]) == {"ok", "$flagged"}


def test_maildir_letters_use_the_names_of_their_folder() -> None:
    names = parse_dovecot_keywords(b"0 $Label1\n2 later\nx y\n99 no\n")
    assert maildir_keywords("FSabcz", names) == {"$flagged", "$seen", "$label1", "later"}


@pytest.mark.parametrize(
    "label", ["Büro", "a&b", "受信", "..", ".hidden", "a/b", "a%2Fb", "x.mbox", "CON:", "100%", "🙂"]
)
def test_a_label_survives_as_file_name_and_as_maildir_folder(label: str) -> None:
    name = file_name(label)
    assert "/" not in name
    assert not name.startswith(".")
    assert label_of_file(name) == label
    assert from_maildir_folder(to_maildir_folder(("Top", label))) == ["Top", label]


def test_modified_utf7_is_as_in_the_rfc() -> None:
    assert to_modified_utf7("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert from_modified_utf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-") == "~peter/mail/台北/日本語"
    assert from_modified_utf7("broken &2AA- here") == "broken &2AA- here"


def test_an_overlong_label_is_cut_and_stays_distinct() -> None:
    first, second = file_name("é" * 200 + "1"), file_name("é" * 200 + "2")
    assert len(first.encode()) <= 200
    assert first != second


@given(st.lists(st.text(max_size=20), max_size=50))
def test_labels_of_any_path_are_clean_and_bounded(parts: list[str]) -> None:
    labels = label_path(parts)
    assert len(labels) <= 32
    assert not any(label in ("", ".", "..") or "\0" in label for label in labels)
