"""Reading sources: Maildirs, directories, and what they make of names and special files."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pillarbox.formats.archive import ArchivedMessage, ArchiveError, ReadOptions, Skips, open_source
from pillarbox.formats.archive.directory import DirectoryTree
from pillarbox.formats.archive.message import DamagedMember

MESSAGE = b"From: alice@example.org\nSubject: a\n\ntext\n"
STORED = MESSAGE.replace(b"\n", b"\r\n")
FROM = b"From - Sat Mar 09 08:05:01 2024\n"


def put(path: Path, data: bytes = MESSAGE, seconds: int = 1_700_000_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (seconds, seconds))
    return path


def read(path: Path, options: ReadOptions | None = None) -> list[ArchivedMessage]:
    with open_source(path, options or ReadOptions()) as source:
        return list(source)


def mailboxes(path: Path) -> list[tuple[str, ...]]:
    with open_source(path) as source:
        return sorted(message.mailbox_path for message in source)


def test_a_maildir_tells_mailboxes_flags_and_times(tmp_path: Path) -> None:
    put(tmp_path / "cur/1600000000.Q1.host,S=9:2,FRSab", seconds=1_650_000_000)
    put(tmp_path / "new/1600000001.Q2.host", seconds=1_500_000_000)
    put(tmp_path / "tmp/1600000002.Q3.host")
    put(tmp_path / ".Sent.2024/cur/1600000003.Q4.host:2,DP")
    put(tmp_path / ".B&APw-ro/cur/1600000004.Q5.host:2,")
    put(tmp_path / "dovecot-keywords", b"0 Work\n1 later\n")
    put(tmp_path / "dovecot.index.log", b"\x00")
    with open_source(tmp_path) as source:
        found = {message.key.rpartition("Q")[2][0]: message for message in source}
        assert source.skips.count == 0
    assert {number: message.mailbox_path for number, message in found.items()} == {
        "1": ("INBOX",), "2": ("INBOX",), "4": ("Sent", "2024"), "5": ("Büro",)
    }  # fmt: skip
    assert found["1"].keywords == {"$flagged", "$answered", "$seen", "work", "later"}
    assert found["4"].keywords == {"$draft", "$forwarded"}
    assert found["1"].received_at == datetime.fromtimestamp(1_600_000_000, UTC)  # copied: the name is older
    assert found["2"].received_at == datetime.fromtimestamp(1_500_000_000, UTC)  # appended with an older date
    assert found["1"].data == STORED


def test_the_key_of_a_maildir_message_stays_when_flags_change(tmp_path: Path) -> None:
    file = put(tmp_path / "new/1600000000.Q1.host")
    (key,) = [message.key for message in read(tmp_path)]
    (tmp_path / "cur").mkdir()
    file.rename(tmp_path / "cur/1600000000.Q1.host:2,S")
    assert [message.key for message in read(tmp_path)] == [key]


def test_nested_maildirs_name_mailboxes_by_their_folders(tmp_path: Path) -> None:
    put(tmp_path / "Work/cur/1600000000.Q1.host:2,S")
    put(tmp_path / "Work/Invoices/cur/1600000000.Q1.host:2,S")
    assert mailboxes(tmp_path) == [("Work",), ("Work", "Invoices")]


def test_deleted_messages_are_passed_over_unless_asked_for(tmp_path: Path) -> None:
    put(tmp_path / "cur/1600000000.Q1.host:2,ST")
    put(tmp_path / "old.mbox", FROM + b"X-Mozilla-Status: 0008\n" + MESSAGE)
    with open_source(tmp_path) as source:
        assert list(source) == []
        assert [skip.reason for skip in source.skips.first] == ["marked as deleted"] * 2
    assert len(read(tmp_path, ReadOptions(include_deleted=True))) == 2


def test_a_directory_of_messages_and_mboxes_names_mailboxes_by_its_folders(tmp_path: Path) -> None:
    put(tmp_path / "a.eml")
    put(tmp_path / "Work/b.EML")
    put(tmp_path / "Mail/Projects.sbd/Harbour", FROM + MESSAGE)
    put(tmp_path / "Apple.mbox/mbox", FROM + MESSAGE)
    put(tmp_path / "mh/17")
    put(tmp_path / "notes.txt", b"Note: not mail\n")
    put(tmp_path / "Inbox.msf", b"index")
    with open_source(tmp_path) as source:
        assert sorted(m.mailbox_path for m in source) == [
            (), ("Apple",), ("Mail", "Projects", "Harbour"), ("Work",), ("mh",)
        ]  # fmt: skip
        assert [(skip.key, skip.reason) for skip in source.skips.first] == [("notes.txt", "not recognised as mail")]


def test_a_single_message_and_a_single_mbox_are_sources(tmp_path: Path) -> None:
    assert mailboxes(put(tmp_path / "some message")) == [()]
    assert mailboxes(put(tmp_path / "Work.mbox", FROM + MESSAGE + b"\n" + FROM + MESSAGE)) == [("Work",)] * 2
    assert mailboxes(put(tmp_path / "empty", b"")) == []


def test_what_is_no_mail_is_refused_in_words(tmp_path: Path) -> None:
    for name, data in (("a.txt", b"hello\n"), ("b.zip", b"PK\x03\x04 no zip"), ("c", b"\x00" * 600)):
        with pytest.raises(ArchiveError, match=r"neither|incomplete"):
            open_source(put(tmp_path / name, data))
    with pytest.raises(ArchiveError, match="not there"):
        open_source(tmp_path / "missing")


def test_links_and_pipes_are_not_opened(tmp_path: Path) -> None:
    put(tmp_path / "outside/secret.eml")
    put(tmp_path / "in/a.eml")
    (tmp_path / "in/link.eml").symlink_to(tmp_path / "outside/secret.eml")
    (tmp_path / "in/folder").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "in/pipe.eml")
    with open_source(tmp_path / "in") as source:
        assert [message.key for message in source] == ["a.eml"]
        assert sorted(skip.key for skip in source.skips.first) == ["folder", "link.eml", "pipe.eml"]


def test_known_messages_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "a.eml")
    put(tmp_path / "b.mbox", FROM + MESSAGE + b"\n" + FROM + MESSAGE)
    put(tmp_path / "cur/1600000000.Q1.host:2,S")
    keys = [message.key for message in read(tmp_path)]
    assert len(set(keys)) == 4
    for known in range(5):
        with open_source(tmp_path) as source:
            assert [message.key for message in source.messages(keys[:known])] == keys[known:]


def test_the_position_runs_from_zero_to_the_estimate(tmp_path: Path) -> None:
    put(tmp_path / "a.eml")
    put(tmp_path / "b.eml", MESSAGE * 3)
    with open_source(tmp_path) as source:
        assert source.estimate().messages == 2
        assert source.position == 0
        list(source)
        assert source.position == source.estimate().octets == 4 * len(MESSAGE)


def test_a_message_over_the_limit_is_skipped(tmp_path: Path) -> None:
    put(tmp_path / "a.eml", MESSAGE + b"x" * 100)
    put(tmp_path / "b.eml")
    with open_source(tmp_path, ReadOptions(max_message_octets=len(MESSAGE))) as source:
        assert [message.key for message in source] == ["b.eml"]
        assert source.skips.count == 1


def test_a_file_replaced_by_a_link_meanwhile_is_skipped(tmp_path: Path) -> None:
    put(tmp_path / "a.eml")
    put(tmp_path / "b.eml")
    with open_source(tmp_path) as source:
        messages = source.messages()
        next(messages)
        (tmp_path / "b.eml").unlink()
        (tmp_path / "b.eml").symlink_to(tmp_path / "a.eml")
        assert list(messages) == []
        assert source.skips.first[0].key == "b.eml"


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_what_took_the_place_of_a_listed_file_is_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    file = put(tmp_path / "a.eml")
    members = DirectoryTree(tmp_path).members(Skips())
    member = next(members)
    file.unlink()
    make(file)
    with pytest.raises((OSError, DamagedMember)):
        member.open()


def test_a_name_that_is_no_utf_8_gets_a_readable_key(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.eml")).write_bytes(MESSAGE)
    (message,) = read(tmp_path)
    assert message.key == "\\xff.eml"
