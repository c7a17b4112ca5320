"""Settings from a TOML file, the environment and flags; the later one wins. Every mistake is told, by its key."""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.app.config.dns import check_servers, check_zone_files
from pillarbox.app.config.key import Key, keys
from pillarbox.app.config.settings import Settings
from pillarbox.datatypes.push_subscription import LEAST_SECONDS
from pillarbox.net.socket_address import parse_socket_address
from pillarbox.storage.blob_url import parse_blob_url

_ENVIRONMENT_OF_OTHERS = ("PILLARBOX_CONFIG", "PILLARBOX_FETCH_PASSWORD", "PILLARBOX_FETCH_TOKEN")
DEFAULT = "default"


class ConfigError(Exception):
    """The settings cannot be used; the message names each mistake, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each of them came from, by key."""

    settings: Settings
    sources: Mapping[str, str]


def load(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Loaded:
    """Read all sources. Raises ConfigError."""
    known = {key.name: key for key in keys()}
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, DEFAULT)

    def take(key: Key, value: Any, source: str, *, is_text: bool) -> None:
        try:
            values[key.name] = _convert(key, value, is_text=is_text)
            sources[key.name] = source
        except ValueError as error:  # msgspec's and ours
            # Somebody may have put a key into a URL.
            shown = "a secret" if key.secret else "a URL" if key.name == "blobs.url" else repr(value)
            why = "" if isinstance(error, msgspec.ValidationError) else f" ({error})"
            mistakes.append(f"{key.name}, from {source}: found {shown}{why}, allowed is {key.allowed}")

    if file is not None:
        for name, value in _flatten(_read_toml(file), known):
            if name in known:
                take(known[name], value, str(file), is_text=False)
            else:
                mistakes.append(f"{name}, from {file}: there is no such setting{_nearest(name, list(known))}")
    for key, text, source in _from_environment(known, environ, mistakes):
        take(key, text, source, is_text=True)
    for name, text in (flags or {}).items():
        if name in known:
            take(known[name], text, "the command line", is_text=True)
        else:
            mistakes.append(f"{name}, from the command line: there is no such setting{_nearest(name, list(known))}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return Loaded(_build(Settings, values), sources)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: this is no TOML: {error}") from None


def _flatten(tree: Mapping[str, Any], known: Mapping[str, Key], prefix: str = "") -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for name, value in tree.items():
        full = prefix + name
        if isinstance(value, dict) and any(k.startswith(f"{full}.") for k in known):
            out += _flatten(value, known, f"{full}.")
        else:
            out.append((full, value))
    return out


def _from_environment(
    known: Mapping[str, Key], environ: Mapping[str, str], mistakes: list[str]
) -> list[tuple[Key, str, str]]:
    by_variable = {key.variable: key for key in known.values()}
    out = []
    for variable, text in sorted(environ.items()):
        if variable in by_variable:
            out.append((by_variable[variable], text, variable))
        elif variable.endswith("_FILE") and (key := by_variable.get(variable.removesuffix("_FILE"))) is not None:
            if key.variable in environ:
                mistakes.append(f"{key.name}: both {key.variable} and {variable} are set; unset one")
            try:
                out.append((key, Path(text).read_text(encoding="utf-8").strip(), variable))
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(f"{key.name}, from {variable}: cannot read {text}: {error}")
        elif variable.startswith("PILLARBOX_") and variable not in _ENVIRONMENT_OF_OTHERS:
            # Others set such variables too (a Kubernetes service of our name): only a likely slip is a mistake.
            hint = _nearest(variable, list(by_variable))
            mistakes += [f"{variable}, from the environment: there is no such setting{hint}"] if hint else []
    return out


def _convert(key: Key, value: Any, *, is_text: bool) -> Any:
    if is_text:
        if key.is_list:
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif not value and "nothing" in key.allowed:
            value = None
    found = msgspec.convert(value, key.type, strict=not is_text, dec_hook=_decode)
    _check(key.name, found)
    return found


def _check(name: str, value: Any) -> None:
    """What a type cannot say. Raises ValueError."""
    if name.startswith("limits.") and value < 1:
        raise ValueError("a limit is at least 1")
    if value is None:
        return
    if name.endswith((".listen", "_listen")):
        for address in value:
            parse_socket_address(address)
    if (check := _CHECKS.get(name)) is not None:
        check(value)


def _check_base_url(value: str) -> None:
    if not _is_base_url(value):
        raise ValueError("this is no URL such as https://mail.example.org")


def _check_proxies(value: tuple[str, ...]) -> None:
    _check_networks(network for network in value if network != "unix")


def _check_networks(value: Iterable[str]) -> None:
    for network in value:
        ipaddress.ip_network(network)


def _check_file(value: Path) -> None:
    if not value.is_file():
        raise ValueError("there is no such file")


def _check_contact(value: str) -> None:
    if not value.startswith(("mailto:", "https://")):
        raise ValueError("this is neither a mailto: nor an https: URL")


def _check_subscription_seconds(value: int) -> None:
    if value < LEAST_SECONDS:
        raise ValueError("RFC 8620 §7.2 asks for 48 hours at least")


def _check_throttles(value: tuple[str, ...]) -> None:
    if value:
        from pillarbox.services.queue_throttle import check_throttles  # noqa: PLC0415 -- few have any

        check_throttles(value)


def _check_database(value: str) -> None:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("this is no URL such as postgresql://HOST/DATABASE")


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "http.public_url": _check_base_url,
    "tracing.endpoint": _check_base_url,
    "http.trusted_proxies": _check_proxies,
    "metrics.allow": _check_proxies,
    "smtp.trusted_proxies": _check_networks,
    "smtp.xclient_from": _check_networks,
    "submission.trusted_proxies": _check_networks,
    "relay.throttles": _check_throttles,
    "storage.url": _check_database,
    "blobs.url": parse_blob_url,
    "dns.servers": check_servers,
    "dns.zone_files": check_zone_files,
    "push.contact": _check_contact,
    "imap.contact": _check_contact,
    "outbound.allowed_networks": _check_networks,
    "relay.allowed_networks": _check_networks,
    "outbound.ca_file": _check_file,
    "limits.push_subscription_seconds": _check_subscription_seconds,
}


def _decode(type: Any, value: Any) -> Any:
    if type is Path and isinstance(value, str) and value:
        return Path(value)
    raise NotImplementedError


def _is_base_url(text: str) -> bool:
    scheme, _, rest = text.partition("://")
    return scheme in ("http", "https") and bool(rest) and not set("?# ") & set(rest) and not rest.startswith("/")


def _nearest(name: str, known: list[str]) -> str:
    """The hint for a misspelt key: a name that is near as a whole, or ends alike."""
    found = difflib.get_close_matches(name, known, 1, cutoff=0.75)
    found = found or [k for k in known if k.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    return f"; did you mean {found[0]}?" if found else ""


def _build(tree: type[Any], values: Mapping[str, Any], prefix: str = "") -> Any:
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(tree):
        name = prefix + field.name
        if name in values:
            given[field.name] = values[name]
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            given[field.name] = _build(field.type, values, f"{name}.")
    return tree(**given)
