"""Mail is fetched from another Pillarbox: what goes over by IMAP is what was there."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pillarbox.formats.archive import open_writer
from tests.app.serve_process import ALICE, serving
from tests.support.cutting_proxy import cutting
from tests.support.fetch_shell import FetchShell
from tests.support.free_port import free_port

AT = datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)


def fill(old: FetchShell, archive: Path, chance: random.Random) -> None:
    paths = [("INBOX",), ("Sent",), ("Arbeit & Mehr", "Grüße"), ("with/slash",)]
    words = ["$seen", "$flagged", "$answered", "$draft", "$forwarded", "harbour"]
    with open_writer(archive, "zip") as writer:
        for number in range(150):
            data = f"Subject: {number:05}\r\nMessage-ID: <{number}@example.org>\r\n\r\n" + "text\r\n" * (number * 7)
            chosen = chance.sample(paths, chance.choice([1, 1, 1, 2]))
            keywords = frozenset(chance.sample(words, chance.randrange(3)))
            writer.add(chosen, data.encode(), AT + timedelta(minutes=number), keywords)
    assert old.json("import", archive, "--account", ALICE[0])["imported"] == 150


def test_an_account_goes_from_one_pillarbox_to_another_over_connections_that_break(tmp_path: Path) -> None:
    chance = random.Random(1)
    port = free_port()
    new = FetchShell(tmp_path / "new")
    with serving(tmp_path / "old", f'[imap]\nlisten = ["127.0.0.1:{port}"]'):
        old = FetchShell.of(tmp_path / "old")
        fill(old, tmp_path / "mail.zip", chance)
        with cutting(port, [chance.randrange(2_000, 120_000) for _ in range(12)]) as proxy:
            told = new.fetch(proxy.port, user=ALICE[0], password=ALICE[1])
            again = new.fetch(proxy.port, user=ALICE[0], password=ALICE[1])
            assert proxy.connections > 5
        assert (told["copied"], told["refused"]["count"]) == (150, 0)
        assert new.mail() == old.mail()
        assert {path: box.role for path, box in new.mailboxes().items()} == {
            path: box.role for path, box in old.mailboxes().items()
        }
        assert (again["new"], again["changed"], again["gone"]) == (0, 0, 0)
