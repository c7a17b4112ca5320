"""Settings: which source wins, and that every mistake is told with what would be right."""

from pathlib import Path

import pytest

from pillarbox.app.config.key import Key, keys
from pillarbox.app.config.load import ConfigError, load
from pillarbox.app.config.show import reference, rows, text
from pillarbox.core.limits import Limits


def written(tmp_path: Path, content: str) -> Path:
    file = tmp_path / "pillarbox.toml"
    file.write_text(content, encoding="utf-8")
    return file


def mistakes(
    file: Path | None = None, environ: dict[str, str] | None = None, flags: dict[str, str] | None = None
) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(file, environ or {}, flags)
    return str(refused.value).splitlines()


def test_without_any_source_all_is_as_documented() -> None:
    loaded = load(None, {})
    assert loaded.settings.limits == Limits()
    assert set(loaded.sources.values()) == {"default"}


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'data = "/a"\n[log]\nlevel = "error"\n[limits]\nmax_changes = 7\n')
    environ = {"PILLARBOX_LOG_LEVEL": "debug", "PILLARBOX_LIMITS_MAX_CHANGES": "8"}
    loaded = load(file, environ, {"log.level": "warning"})
    assert loaded.settings.data == Path("/a")
    assert loaded.settings.limits.max_changes == 8
    assert loaded.settings.log.level == "warning"
    assert [loaded.sources[k] for k in ("data", "limits.max_changes", "log.level")] == [
        str(file),
        "PILLARBOX_LIMITS_MAX_CHANGES",
        "the command line",
    ]


def test_lists_and_nothing_can_be_written_in_the_environment() -> None:
    environ = {
        "PILLARBOX_HTTP_LISTEN": "127.0.0.1:1, unix:/run/p.sock",
        "PILLARBOX_HTTP_PUBLIC_URL": "",
        "PILLARBOX_LMTP_LISTEN": "",
    }
    settings = load(None, environ).settings
    assert settings.http.listen == ("127.0.0.1:1", "unix:/run/p.sock")
    assert settings.http.public_url is None
    assert settings.lmtp.listen == ()


def test_a_value_can_be_in_a_file_that_the_environment_names(tmp_path: Path) -> None:
    value = tmp_path / "url"
    value.write_text("https://mail.example.org\n", encoding="utf-8")
    environ = {"PILLARBOX_HTTP_PUBLIC_URL_FILE": str(value)}
    assert load(None, environ).settings.http.public_url == "https://mail.example.org"
    (both,) = mistakes(environ={**environ, "PILLARBOX_HTTP_PUBLIC_URL": "https://other.example"})
    assert "both" in both
    (missing,) = mistakes(environ={"PILLARBOX_DATA_FILE": str(tmp_path / "absent")})
    assert missing.startswith("data, from PILLARBOX_DATA_FILE: cannot read")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("dta = '/x'", "dta, from {file}: there is no such setting; did you mean data?"),
        ("[http]\nlissten = []", "http.lissten, from {file}: there is no such setting; did you mean http.listen?"),
        ("level = 'debug'", "level, from {file}: there is no such setting; did you mean log.level?"),
        ("http = 3", "http, from {file}: there is no such setting"),
        ("[http]\nlisten = 'a'", "http.listen, from {file}: found 'a', allowed is a list of strings"),
        ("[limits]\nmax_changes = '5'", "limits.max_changes, from {file}: found '5', allowed is a whole number"),
        (
            "[limits]\nmax_changes = 0",
            "limits.max_changes, from {file}: found 0 (a limit is at least 1), allowed is a whole number",
        ),
        (
            "[http]\ncompress_from_octets = -1",
            "http.compress_from_octets, from {file}: found -1, allowed is a whole number of at least 0",
        ),
        ("[log]\nformat = 'xml'", 'log.format, from {file}: found \'xml\', allowed is "text" or "json"'),
    ],
)
def test_a_mistake_in_the_file_names_the_key_what_was_found_and_what_is_allowed(
    tmp_path: Path, content: str, told: str
) -> None:
    file = written(tmp_path, content)
    (line,) = mistakes(file)
    assert line.startswith(told.format(file=file))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("relay.throttles", "all 100"),
        ("http.listen", "8080"),
        ("http.listen", "::1:8080"),
        ("http.listen", "unix:relative"),
        ("http.listen", "127.0.0.1:99999"),
        ("http.public_url", "mail.example.org"),
        ("http.public_url", "https://mail.example.org/?x"),
        ("http.trusted_proxies", "10.0.0.1/8"),
        ("outbound.allowed_networks", "10.0.0.1/8"),
    ],
)
def test_a_value_of_the_right_type_can_still_be_wrong(key: str, value: str) -> None:
    (line,) = mistakes(flags={key: value})
    assert line.startswith(f"{key}, from the command line: found {value!r} (")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "a_b_c = 1\n[log]\nlevel = 'loud'\n")
    assert len(mistakes(file, {"PILLARBOX_HTTP_ACCESS_LOG": "maybe"}, {"nothing": "x"})) == 4


def test_a_slip_in_the_environment_is_a_mistake_but_not_what_others_put_there() -> None:
    (line,) = mistakes(environ={"PILLARBOX_HTP_LISTEN": "x"})
    assert line.endswith("did you mean PILLARBOX_HTTP_LISTEN?")
    load(None, {"PILLARBOX_PORT_8080_TCP_ADDR": "10.0.0.1", "PILLARBOX_CONFIG": "x"})


def test_what_is_no_toml_or_not_there_is_told(tmp_path: Path) -> None:
    assert "this is no TOML" in mistakes(written(tmp_path, "= ="))[0]
    assert "cannot be read" in mistakes(tmp_path / "absent.toml")[0]


def test_show_tells_where_a_value_comes_from() -> None:
    shown = text(load(None, {"PILLARBOX_LOG_LEVEL": "debug"})).splitlines()
    assert 'log.level = "debug"  # from PILLARBOX_LOG_LEVEL' in shown
    assert 'log.format = "text"' in shown


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Key("log.level", str, "info", "A secret.", secret=True)
    monkeypatch.setattr("pillarbox.app.config.show.keys", lambda: [secret])
    assert [row["value"] for row in rows(load(None, {"PILLARBOX_LOG_LEVEL": "debug"}))] == ["(hidden)"]


def test_the_reference_explains_every_setting() -> None:
    page = reference()
    for key in keys():
        assert f"`{key.variable}`" in page
        assert key.doc in page
