"""`pillarbox dns` on a store in a temporary folder, with the DNS in a zone file."""

import json
from pathlib import Path

import pytest

from tests.app.shell import Shell

MISSING = "_imaps._tcp.example.org."


class DnsShell(Shell):
    """Calls the program with a configuration whose zone file can be written."""

    def __init__(self, folder: Path) -> None:
        self.zone, self.config = folder / "example.zone", folder / "pillarbox.toml"
        super().__init__(folder / "data", "-c", str(self.config))
        self.configure("mail.example.org")
        self.ok("domain", "add", "example.org")

    def configure(self, hostname: str) -> None:
        self.publish("")
        reverse = self.zone.with_name("reverse.zone")
        reverse.write_text(
            "$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n1 IN PTR mail.example.org.\n"
        )
        self.config.write_text(
            f'data = "{self.data}"\nhostname = "{hostname}"\n'
            f'[dns]\nzone_files = ["secure:{self.zone}", "{reverse}"]\nservers = ["127.0.0.1:9"]\ntry_seconds = 1\n'
            '[imap]\ntls_listen = ["0.0.0.0:993"]\nlisten = ["127.0.0.1:1143"]\n'
        )

    def publish(self, lines: str) -> None:
        self.zone.write_text(f"$ORIGIN example.org.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\n{lines}")


@pytest.fixture
def shell(tmp_path: Path) -> DnsShell:
    return DnsShell(tmp_path)


def in_domain(zone: str) -> str:
    return "".join(f"{line}\n" for line in zone.splitlines() if ".arpa." not in line)


def test_what_is_printed_can_be_published_and_is_then_found_right(shell: DnsShell) -> None:
    shell.ok("dkim", "create", "example.org", "--selector", "s1")
    shell.ok("domain", "set", "example.org", "--mta-sts", "testing")
    printed = shell.ok("dns", "records", "example.org", "--address", "192.0.2.1", "--caa", "letsencrypt.org")
    shell.publish(in_domain(printed))
    result = shell.run("dns", "check", "example.org", "--caa", "letsencrypt.org", "--json")
    findings = json.loads(result.output)
    assert {f["topic"]: f["state"] for f in findings if f["state"] != "ok"}.keys() <= {"dnssec"}
    assert {f["topic"] for f in findings} >= {
        "host",
        "reverse",
        "mx",
        "spf",
        "dkim",
        "dmarc",
        "mta-sts",
        "service",
        "caa",
    }
    assert result.exit_code == 0


def test_what_is_wrong_or_missing_is_told_and_the_exit_code_says_so(shell: DnsShell) -> None:
    shell.publish("@ IN MX 10 other.example.net.\nmail IN A 192.0.2.1\n")
    result = shell.run("dns", "check", "example.org")
    assert result.exit_code == 1
    assert "wrong    mx           example.org MX\n         found:    10 other.example.net.\n" in result.output
    assert "         expected: 10 mail.example.org.\n" in result.output
    assert "missing  dmarc        _dmarc.example.org TXT\n" in result.output
    assert f"add {MISSING} SRV 0 1 993 mail.example.org." in result.output
    assert "ok       reverse      1.2.0.192.in-addr.arpa PTR\n" in result.output


def test_only_services_that_others_reach_are_told(shell: DnsShell) -> None:
    printed = shell.ok("dns", "records", "example.org")
    assert "_imaps._tcp.example.org. 3600 IN SRV 0 1 993 mail.example.org." in printed
    assert "_imap._tcp" not in printed
    assert "_pop3" not in printed


def test_fields_and_json_are_for_forms_and_programs(shell: DnsShell) -> None:
    text = shell.ok("dns", "records", "example.org", "--format", "fields")
    assert "host:      @\ntype:      MX\nvalue:     mail.example.org.\ntopic:     mx\npriority:  10\n" in text
    rows = json.loads(shell.ok("dns", "records", "example.org", "--format", "json"))
    (row,) = [row for row in rows if row["type"] == "MX"]
    assert row["zone"] == "example.org. 3600 IN MX 10 mail.example.org."


@pytest.mark.parametrize("hostname", ["localhost", "mail-server", "192.0.2.1"])
def test_without_a_full_name_nothing_is_printed_that_would_be_relative(shell: DnsShell, hostname: str) -> None:
    shell.configure(hostname)
    result = shell.run("dns", "records", "example.org")
    assert result.exit_code == 1
    assert f"hostname is '{hostname}', which is no full name" in result.output
    assert "mail.example.org" in result.output  # what it could be


def test_a_domain_that_is_not_here_is_refused(shell: DnsShell) -> None:
    assert "there is no domain example.net" in shell.run("dns", "check", "example.net").output
    assert shell.run("dns", "records", "example.org", "--address", "nowhere").exit_code == 2
