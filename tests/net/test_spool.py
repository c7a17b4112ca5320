from pathlib import Path

from pillarbox.net.spool import Spooler


def test_a_spool_moves_to_a_file_past_its_allowance_and_reads_back_whole(tmp_path: Path) -> None:
    spooler = Spooler(tmp_path, keep_octets=10)
    spool = spooler.open()
    spool.write(b"0123456789")
    states = [(spool.is_in_file, spooler.kept)]
    spool.write(b"abc")
    states.append((spool.is_in_file, spooler.kept))
    assert states == [(False, 10), (True, 0)]
    assert spool.read() == b"0123456789abc"
    spool.discard()
    assert list(tmp_path.iterdir()) == []


def test_all_spools_together_keep_no_more_than_their_allowance(tmp_path: Path) -> None:
    spooler = Spooler(tmp_path, keep_octets=10, keep_octets_all=15)
    first, second = spooler.open(), spooler.open()
    first.write(b"x" * 10)
    second.write(b"y" * 10)
    assert (first.is_in_file, second.is_in_file, spooler.kept) == (False, True, 10)
    first.discard()
    first.discard()
    assert spooler.kept == 0
    second.discard()


def test_a_disk_that_is_full_fails_the_message_not_the_connection(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spooler = Spooler(tmp_path / "file" / "spool", keep_octets=1)
    spool = spooler.open()
    spool.write(b"more than one")
    spool.write(b"and more")
    assert isinstance(spool.failure, OSError)
    assert spooler.kept == 0
