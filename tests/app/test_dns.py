"""The settings of the DNS as the resolver takes them."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from pillarbox.app.config.load import ConfigError, load
from pillarbox.app.dns import dns_settings, resolver_of
from pillarbox.core.dns import Question
from pillarbox.net.dns.settings import Servers

ZONE = "$ORIGIN lab.test.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN A 192.0.2.3\n"


def test_the_settings_reach_the_resolver(tmp_path: Path) -> None:
    (tmp_path / "lab.zone").write_text(ZONE)
    flags = {
        "dns.servers": "192.0.2.1,[::1]:5353",
        "dns.trust_ad": "always",
        "dns.zone_files": f"secure:{tmp_path}/lab.zone",
    }
    settings = load(None, {}, flags).settings
    assert [(s.host, s.port, s.is_trusted) for s in Servers(dns_settings(settings.dns)).now()] == [
        ("192.0.2.1", 53, True),
        ("::1", 5353, True),
    ]
    answer = asyncio.run(resolver_of(settings.dns).ask(Question("lab.test", "A")))
    assert (answer.records, answer.is_secure) == (("192.0.2.3",), True)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("dns.servers", "dns.example.org", "address of a DNS server"),
        ("dns.zone_files", "/nowhere/lab.zone", "cannot be read"),
    ],
)
def test_mistakes_are_told_before_anything_starts(key: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(None, {}, {key: value})


@pytest.mark.parametrize(
    ("flags", "is_loaded"),
    [
        ({"relay.enabled": "false"}, False),
        ({"relay.enabled": "true"}, True),
        ({"relay.enabled": "false", "smtp.listen": "127.0.0.1:2525"}, True),
        ({"relay.enabled": "false", "smtp.listen": "127.0.0.1:2525", "smtp.authenticate": "false"}, False),
    ],
)
def test_who_will_ask_has_the_resolver_in_memory_before_the_processes_part(
    flags: dict[str, str], *, is_loaded: bool
) -> None:
    program = (
        "import sys; from pillarbox.app.config.load import load; from pillarbox.app.wiring import preload;"
        f"preload(load(None, {{}}, {flags!r}).settings); sys.exit('pillarbox.net.dns.resolver' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)  # noqa: S603
    assert (done.returncode, done.stderr) == (is_loaded, b"")


def test_who_asks_nothing_has_no_dnspython_in_memory() -> None:
    program = "import sys, pillarbox.app.wiring; sys.exit('dns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603
