"""Zone files, good ones and others. What they answer is tested with the resolver."""

from pathlib import Path

import pytest

from pillarbox.net.dns.zone import ZoneError, Zones, read_zone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@ IN A 192.0.2.1\n",
        "$ORIGIN example.org.\n@ IN A nowhere\n",
        "$ORIGIN example.org.\n$INCLUDE /etc/passwd\n",
        "$ORIGIN example.org.\nhost.example.net. 60 IN A 192.0.2.1\n$GENERATE 1-x a A 1.2.3.4\n",
        "$ORIGIN " + "a" * 64 + ".\n@ IN A 192.0.2.1\n",
    ],
)
def test_a_file_that_is_no_zone_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.zone"
    file.write_text(text)
    with pytest.raises(ZoneError, match=r"bad\.zone"):
        read_zone(file)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="cannot be read"):
        Zones.load([str(tmp_path / "none")])
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    with pytest.raises(ZoneError, match="cannot be read"):
        Zones.load([f"secure:{tmp_path / 'odd'}"])
