"""The filter for fail2ban in docs/howto/ban-addresses.md, run by fail2ban itself on the lines of failed logins."""

import ast
import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.servers.web_fixture import Web, basic, furnished, make_web, office, web
from tests.support.log import Lines

__all__ = ["furnished", "make_web", "office", "web"]
PROGRAM = shutil.which("fail2ban-regex")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="fail2ban-regex is not installed (Debian: fail2ban)")
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "ban-addresses.md"
FORGED = "2026-11-24T19:22:22.123Z WARNING login.failed: the credentials were wrong  address=203.0.113.6 id=x"
LOGINS = [
    *["alice@example.org"] * 12,  # the last of these have to wait
    "x address=203.0.113.6 ",
    f"x\n{FORGED}",
    f"x\r\nhost pillarbox[1]: {FORGED}",
    '","address":"203.0.113.6',
    'x"\n{"time":"","level":"warning","event":"login.failed","address":"203.0.113.6"}',
]
PEERS = ["192.0.2.9", "2001:db8::9"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with the page's filter."""
    found = re.search(r"```ini\n(\[Definition\].*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "filter.d").mkdir()
    (tmp_path / "filter.d" / "pillarbox.conf").write_text(found[1])
    return tmp_path


@pytest.fixture
def lines(web: Web) -> Lines:
    """What the server logs when two addresses guess, and one who knows the password logs in."""
    with Lines() as lines:
        for peer in PEERS:
            for n, login in enumerate(LOGINS):
                headers = {"authorization": basic(login, f"guess {n} of {peer}")}
                web.ask("GET", "/jmap/session", headers, user=None, peer=peer)
        assert web.ask("GET", "/jmap/session", user="bob", peer="192.0.2.77").status == 200
    assert len([line for line in lines.text if "login.failed" in line or "login.throttled" in line]) == 2 * len(LOGINS)
    assert any("login.throttled" in line for line in lines.text)
    assert any("login.succeeded" in line for line in lines.text)
    return lines


def banned(folder: Path, text: list[str], *options: str) -> list[tuple[str, float]]:
    """(address, when) of each line that counts against somebody, as fail2ban sees a file with these lines."""
    (folder / "log").write_text("".join(line + "\n" for line in text))
    command = [str(PROGRAM), "--out", "row", *options, str(folder / "log"), str(folder / "filter.d" / "pillarbox.conf")]
    env = {**os.environ, "TZ": "America/New_York"}  # fail2ban takes a time without a zone for the machine's
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)  # noqa: S603 -- fail2ban's own
    rows = ast.literal_eval(f"[{done.stdout}]")
    return [(address, at) for address, at, _ in rows]


@pytest.mark.parametrize("format", ["text", "json"])
def test_each_failed_login_counts_once_against_the_address_that_made_it(
    folder: Path, lines: Lines, format: str
) -> None:
    found = banned(folder, getattr(lines, format))
    assert [address for address, _ in found] == [peer for peer in PEERS for _ in LOGINS]


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_time_is_the_lines_whatever_the_zone_of_the_machine(folder: Path, lines: Lines, format: str) -> None:
    line = next(line for line in getattr(lines, format) if "login.failed" in line)
    stamp = re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line)
    assert stamp is not None
    ((_, at),) = banned(folder, [line])
    assert int(at) == int(datetime.fromisoformat(stamp[0]).timestamp())


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("before", "options"),
    [
        ("mail pillarbox[4711]: ", ["--datepattern", "{NONE}"]),  # from the journal the time comes beside the line
        ("2026-11-28T01:02:03.123456+00:00 mail pillarbox[4711]: ", []),  # a file that rsyslog writes
    ],
)
def test_what_the_journal_and_syslog_put_before_a_line_does_no_harm(
    folder: Path, lines: Lines, format: str, before: str, options: list[str]
) -> None:
    found = banned(folder, [before + line for line in getattr(lines, format)], *options)
    assert [address for address, _ in found] == [peer for peer in PEERS for _ in LOGINS]


def test_nothing_else_counts(folder: Path, lines: Lines) -> None:
    others = [line for line in lines.text + lines.json if "login.failed" not in line and "login.throttled" not in line]
    assert others
    assert banned(folder, others) == []
