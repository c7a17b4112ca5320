"""Reading zip and tar archives, well-meant and hostile; the standard library writes them."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.archive import ArchivedMessage, ArchiveError, ReadOptions, open_source
from pillarbox.formats.archive.message import DamagedMember
from pillarbox.formats.archive.tar_header import read_header

MESSAGE = b"From: alice@example.org\nSubject: a\n\ntext\n"
STORED = MESSAGE.replace(b"\n", b"\r\n")
MBOX = b"From - Sat Mar 09 08:05:01 2024\n" + MESSAGE + b"\n"


def read(path: Path, options: ReadOptions | None = None) -> list[ArchivedMessage]:
    with open_source(path, options or ReadOptions()) as source:
        return list(source)


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 3, 9, 8, 5, 2)), data, method)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w", tar_format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=tar_format) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_messages_maildirs_and_mboxes_is_read(tmp_path: Path, method: int) -> None:
    files = {
        "Büro/a.eml": MESSAGE, "Mail\\Work.mbox": MBOX + MBOX, ".Sent/cur/1600000000.Q1.host:2,S": MESSAGE,
        "__MACOSX/Büro/a.eml": b"junk", "empty/": b"", "inner.zip": b"PK\x03\x04",
    }  # fmt: skip
    with open_source(make_zip(tmp_path / "a.zip", files, method)) as source:
        messages = list(source)
        assert [m.mailbox_path for m in messages] == [("Büro",), ("Mail", "Work"), ("Mail", "Work"), ("Sent",)]
        assert {m.data for m in messages} == {STORED}
        assert messages[0].received_at == datetime(2024, 3, 9, 8, 5, 2, tzinfo=UTC)
        assert [skip.reason for skip in source.skips.first] == ["not recognised as mail"]
        assert source.position == source.estimate().octets


def test_names_that_climb_out_are_only_labels(tmp_path: Path) -> None:
    files = {"../../etc/a.eml": MESSAGE, "/root/b.eml": MESSAGE, "x\x01y/./c.eml": MESSAGE}
    paths = [message.mailbox_path for message in read(make_zip(tmp_path / "a.zip", files))]
    assert paths == [("etc",), ("root",), ("xy",)]


def test_an_encrypted_zip_is_refused_in_words(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.eml": MESSAGE})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="encrypted"):
        open_source(path)


def test_a_zip_that_unpacks_absurdly_is_stopped(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{number}.eml": bytes(1 << 20) for number in range(4)})
    options = ReadOptions(expansion_grace_octets=1 << 21)
    with open_source(path, options) as source:
        messages = source.messages()
        assert len(next(messages).data) == 1 << 20
        with pytest.raises(ArchiveError, match="unpacks to more"):
            list(messages)


def test_a_zip_entry_over_the_limit_is_not_unpacked_further(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"big.eml": bytes(1 << 24), "b.eml": MESSAGE})
    with open_source(path, ReadOptions(max_message_octets=1000, expansion_grace_octets=1 << 19)) as source:
        assert [message.data for message in source] == [STORED]
        assert source.skips.first[0].reason == "larger than 1000 octets"


def test_a_damaged_zip_entry_is_skipped_and_the_others_are_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.eml": MESSAGE, "b.eml": MESSAGE}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"text", b"tExt", 1))
    with open_source(path) as source:
        assert [message.data for message in source] == [STORED]
        assert source.skips.first[0].reason == "checksum or size of the zip entry do not agree"


def test_links_and_unknown_methods_in_a_zip_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.eml")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b.eml", MESSAGE, zipfile.ZIP_BZIP2)
    with open_source(path) as source:
        assert list(source) == []
        assert [skip.reason for skip in source.skips.first] == [
            "a symbolic link", "compression method 12 is not supported"
        ]  # fmt: skip


def test_the_same_name_twice_in_a_zip_has_two_keys(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.eml", MESSAGE)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.eml", MESSAGE)
    assert len({message.key for message in read(tmp_path / "a.zip")}) == 2


def test_a_zip_behind_other_data_and_with_a_comment_is_found(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.eml": MESSAGE})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"exported"
    path.write_bytes(b"PK\x03\x04 a program in front" + path.read_bytes())
    assert len(read(path)) == 1


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_is_read_in_all_its_dresses(tmp_path: Path, mode: str, tar_format: int) -> None:
    long = "Projects/" + "x" * 90 + "/" + "y" * 40 + ".eml"
    files = {"a.eml": MESSAGE, long: MESSAGE, "Büro/mbox": MBOX + MBOX, "INBOX/cur/1600000000.Q1.host:2,S": MESSAGE}
    with open_source(make_tar(tmp_path / "a.tar", files, mode, tar_format)) as source:
        messages = list(source)
        paths = [(), ("Projects", "x" * 90), ("Büro",), ("Büro",), ("INBOX",)]
        assert [message.mailbox_path for message in messages] == paths
        assert {message.data for message in messages} == {STORED}
        assert messages[0].received_at == datetime.fromtimestamp(1_700_000_000, UTC)
        assert source.position > 0
        assert [m.key for m in source.messages({messages[2].key})] == [m.key for m in messages if m != messages[2]]


def test_links_in_a_tar_are_skipped(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("link.eml")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("a.eml")
        info.size = len(MESSAGE)
        archive.addfile(info, io.BytesIO(MESSAGE))
    with open_source(tmp_path / "a.tar") as source:
        assert [message.data for message in source] == [STORED]
        assert source.skips.count == 4


def _header(name: bytes, size: int, kind: bytes) -> bytes:
    block = bytearray(
        struct.pack("100s8s8s8s12s12s8sc355x", name, b"", b"", b"", b"%011o" % size, b"0", b" " * 8, kind)
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "data",
    [
        _header(b"x", 1 << 32, b"x"),
        _header(b"x", 10, b"x") + b"10 path=a\n".ljust(512, b"\0"),
        _header(b"x", 0, b"x") * 40,
        _header(b"a.eml", 99999, b"0") + MESSAGE,
        b"\xff" * 512,
    ],
)
def test_hostile_tar_headers_are_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = make_tar(tmp_path / "a.tar", {"a.eml": MESSAGE})
    path.write_bytes(path.read_bytes()[:1024] + data)
    with open_source(path) as source:
        messages = source.messages()
        assert next(messages).data == STORED
        with suppress(ArchiveError):
            assert list(messages) == []


def test_a_tar_bomb_is_stopped(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar.gz", {"a.eml": bytes(1 << 23), "b.eml": MESSAGE}, "w:gz")
    with (
        open_source(path, ReadOptions(max_message_octets=1000, expansion_grace_octets=1 << 20)) as source,
        pytest.raises(ArchiveError, match="unpacks to more"),
    ):
        list(source)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_mbox_is_read_and_a_cut_one_as_far_as_it_goes(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "Work.mbox.gz"
    path.write_bytes(compress(MBOX) + compress(MBOX))
    assert [message.mailbox_path for message in read(path)] == [("Work",)] * 2
    path.write_bytes(path.read_bytes()[:-12])
    with open_source(path) as source:
        assert len(list(source)) < 2
        assert "early" in source.skips.first[0].reason


@given(st.binary(max_size=2048))
def test_any_octets_as_a_tar_end_or_are_damaged(data: bytes) -> None:
    stream = io.BufferedReader(io.BytesIO(_header(b"a", 0, b"x") + data))
    with suppress(DamagedMember):
        read_header(cast("io.BufferedReader", stream))
