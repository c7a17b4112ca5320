"""Writing archives, and that what was written is read again as it was."""

import json
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.archive import (
    ArchivedMessage,
    ArchiveError,
    ArchiveFormat,
    ReadOptions,
    open_source,
    open_writer,
)
from pillarbox.formats.archive.maildir_writer import MaildirWriter
from pillarbox.formats.archive.mbox import read_mbox
from pillarbox.formats.archive.mbox_writer import MboxWriter
from pillarbox.formats.archive.status_header import read_status
from pillarbox.formats.archive.zip_record import ZipRecord, end_to_bytes

FORMATS: list[ArchiveFormat] = ["mbox", "maildir", "zip"]
AT = datetime(2024, 3, 9, 8, 5, 1, tzinfo=UTC)
MESSAGES = [
    ((("INBOX",),), b"Subject: 1\r\n\r\nFrom us\r\n>From you\r\n", AT, frozenset({"$seen", "$flagged"})),
    (
        (("INBOX",), ("Projects", "Häfen/2024")),
        b"X-Keywords: old\r\nStatus: RO\r\nSubject: 2\r\n\r\n\r\nFrom x Sat Mar  9 08:05:01 2024\r\n",
        datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC),
        frozenset({"$forwarded", "work", "$mdnsent", "$answered"}),
    ),
    ((("Drafts.old",),), b"Subject: \xff\x00\r\n\r\n" + b"long " * 9000 + b"\r\n\r\n", AT, frozenset({"$draft"})),
    ((("Projects",),), b"\r\n", AT, frozenset()),
]


def read(path: Path, options: ReadOptions | None = None) -> list[ArchivedMessage]:
    with open_source(path, options or ReadOptions()) as source:
        return list(source)


def write(path: Path, archive_format: ArchiveFormat) -> Path:
    with open_writer(path, archive_format) as writer:
        for message in MESSAGES:
            writer.add(*message)
    return path


def merged(
    messages: list[ArchivedMessage],
) -> dict[bytes, tuple[set[tuple[str, ...]], datetime | None, frozenset[str]]]:
    found: dict[bytes, tuple[set[tuple[str, ...]], datetime | None, frozenset[str]]] = {}
    for message in messages:
        paths, _, _ = found.setdefault(message.data, (set(), message.received_at, message.keywords))
        paths.update(message.mailbox_paths)
        assert found[message.data] == (paths, message.received_at, message.keywords)
    return found


@pytest.mark.parametrize("archive_format", FORMATS)
def test_an_export_is_imported_as_it_was(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    with open_source(write(tmp_path / "out", archive_format)) as source:
        assert merged(list(source)) == {data: (set(paths), at, words) for paths, data, at, words in MESSAGES}
        assert source.skips.count == 0


@given(st.binary(max_size=200), st.sets(st.sampled_from(["$seen", "$draft", "a", "$flagged", "b-c"])))
def test_any_message_in_mbox_form_is_read_again(body: bytes, keywords: set[str]) -> None:

    text = body.replace(b"\r", b"").replace(b"#", b"\nFrom ").replace(b"\n", b"\r\n") + b"\r\n"
    with tempfile.TemporaryDirectory() as folder:
        with MboxWriter(Path(folder)) as writer:
            writer.add([()], text, AT, frozenset(keywords))
            writer.add([()], text, AT, frozenset())
        with (Path(folder) / "INBOX.mbox").open("rb") as stream:
            first, second = read_mbox(stream, ReadOptions())
    for message, expected in ((first, keywords), (second, set())):
        status = read_status(message.data or b"")
        assert (status.data, status.keywords) == (text, frozenset(expected))


def test_a_zip_is_one_that_others_can_read(tmp_path: Path) -> None:
    path = write(tmp_path / "out.zip", "zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[:2] == ["INBOX/0000001.eml", "INBOX/0000002.eml"]
        assert archive.read(names[1]) == MESSAGES[1][1]
        assert archive.getinfo(names[0]).date_time == (2024, 3, 9, 8, 5, 0)
        head, *lines = map(json.loads, archive.read("manifest.jsonl").splitlines())
    assert head == {"format": "pillarbox-export", "version": 1}
    assert lines[1]["mailboxes"] == [["INBOX"], ["Projects", "Häfen/2024"]]
    assert lines[1]["receivedAt"] == "2009-02-13T23:31:30Z"
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_manifest_is_honoured_after_unpacking_and_repacking(tmp_path: Path, *, reverse: bool) -> None:
    path = write(tmp_path / "out.zip", "zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
        with zipfile.ZipFile(tmp_path / "again.zip", "w") as again:
            for name in sorted(archive.namelist(), reverse=reverse):
                again.writestr(name, archive.read(name))
    expected = merged(read(path))
    assert merged(read(tmp_path / "unpacked")) == expected
    assert merged(read(tmp_path / "again.zip")) == expected


def test_a_manifest_of_another_kind_or_with_broken_lines_does_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "out.zip", "zip")
    shutil.unpack_archive(tmp_path / "out.zip", tmp_path / "out")
    manifest = tmp_path / "out/manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join([lines[0], b"[[[[\n", b'{"file":3}\n', b"\xff\n", *lines[1:]]))
    assert len(read(tmp_path / "out")) == len(MESSAGES)
    manifest.write_bytes(b'{"name":"a web page"}')
    assert {m.mailbox_path for m in read(tmp_path / "out")} == {("INBOX",), ("Drafts.old",), ("Projects",)}


def test_the_maildir_has_the_files_that_others_expect(tmp_path: Path) -> None:
    root = write(tmp_path / "out", "maildir")
    assert sorted(path.name for path in root.iterdir()) == [
        ".Drafts\\2eold", ".Projects", ".Projects.H&AOQ-fen\\2f2024", "cur", "dovecot-keywords", "new", "tmp"
    ]  # fmt: skip
    names = sorted(path.name.partition(":")[2] for path in (root / "cur").iterdir())
    assert names == ["2,FS", "2,PRab"]
    assert (root / "dovecot-keywords").read_text() == "0 $mdnsent\n1 work\n"
    assert {int(path.stat().st_mtime) for path in (root / "cur").iterdir()} == {1709971501, 1234567890}
    assert b"\r" not in b"".join(path.read_bytes() for path in (root / "cur").iterdir())


def test_more_keywords_than_a_maildir_can_name_are_counted(tmp_path: Path) -> None:
    with MaildirWriter(tmp_path / "out") as writer:
        writer.add([()], b"\r\n", AT, frozenset(f"k{number}" for number in range(30)))
        assert writer.dropped_keywords == 4
    (message,) = read(tmp_path / "out")
    assert len(message.keywords) == 26


def test_mbox_files_lie_in_folders_and_many_can_be_written(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out", "mbox") as writer:
        for number in range(140):
            writer.add([("Box", str(number % 70))], b"Subject: a\r\n\r\n", AT, frozenset())
    assert (tmp_path / "out/Box/69.mbox").read_bytes().count(b"From MAILER-DAEMON") == 2
    assert len(read(tmp_path / "out")) == 140


@pytest.mark.parametrize("archive_format", FORMATS)
def test_nothing_is_written_over(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    path = write(tmp_path / "out", archive_format)
    with pytest.raises(ArchiveError, match=r"exists|not empty|cannot be written"):
        open_writer(path, archive_format)


def test_an_aborted_zip_leaves_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "out.zip", "zip")
    writer.add(*MESSAGES[0])
    with pytest.raises(ValueError, match="mailbox"), writer:
        writer.add([], b"", AT, frozenset())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("archive_format", FORMATS)
def test_a_message_in_no_mailbox_is_a_mistake_of_the_caller(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    with open_writer(tmp_path / "out", archive_format) as writer, pytest.raises(ValueError, match="mailbox"):
        writer.add([], b"", AT, frozenset())


def test_an_offset_beyond_four_gigabytes_is_read_from_its_zip64_field(tmp_path: Path) -> None:
    far = 5 << 30
    data = b"Subject: far\r\n\r\n"
    record = ZipRecord(b"a.eml", 0, 0x6D9F2A2D, len(data), len(data), far, AT)
    path = tmp_path / "out.zip"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.seek(far)  # a sparse file: the hole takes no room
        file.write(record.local_to_bytes() + data)
        start = file.tell()
        central = record.central_to_bytes()
        file.write(central + end_to_bytes(70_000, len(central), start))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("a.eml").header_offset == far
    with open_source(path) as source:
        list(source)
        assert source.skips.first[0].key == f"a.eml#{far}"
        assert "checksum" in source.skips.first[0].reason  # found and read; the checksum above is made up
