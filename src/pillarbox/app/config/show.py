"""The settings for people: what is in force and why, and the reference page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pillarbox.app.config.key import Key, keys
from pillarbox.app.config.load import DEFAULT, Loaded
from pillarbox.app.config.settings import Settings

_HIDDEN = "(hidden)"


def value_of(settings: Settings, name: str) -> Any:
    """A setting by its key."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def rows(loaded: Loaded) -> list[dict[str, Any]]:
    """Each setting with its value and where that came from; secrets are hidden."""
    out = []
    for key in keys():
        value = value_of(loaded.settings, key.name)
        shown = _HIDDEN if key.secret and value else str(value) if isinstance(value, Path) else value
        out.append({"key": key.name, "value": shown, "from": loaded.sources[key.name]})
    return out


def text(loaded: Loaded) -> str:
    """The settings as TOML would have them, each with its origin unless it is the default."""
    lines = []
    for row in rows(loaded):
        origin = "" if row["from"] == DEFAULT else f"  # from {row['from']}"
        lines.append(f"{row['key']} = {toml(row['value'])}{origin}")
    return "\n".join(lines)


def toml(value: Any) -> str:
    """A value as TOML writes it; nothing has no spelling there."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(toml(v) for v in value)}]"
    if value is None:
        return "(nothing)"
    return (
        str(value)
        if isinstance(value, int | float)
        else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def reference() -> str:
    """The reference page's body in Markdown: a section for each table of the file."""
    out = [_INTRODUCTION]
    section = None
    for key in keys():
        table = key.name.rpartition(".")[0]
        if table != section:
            section = table
            out.append(f"\n## {f'[{table}]' if table else 'At the top'}\n")
        out.append(_entry(key))
    return "\n".join(out)


def _entry(key: Key) -> str:
    default = str(key.default) if isinstance(key.default, Path) else key.default
    name = key.name.rpartition(".")[2]
    return (
        f"- `{name}`: {key.doc} {key.allowed.capitalize()}; default `{toml(default)}`. Environment: `{key.variable}`."
    )


_INTRODUCTION = """\
Settings are read from a TOML file (`pillarbox serve -c FILE`, or the file that `PILLARBOX_CONFIG` names), then from the
environment, then from the command line (`--set KEY=VALUE`); the later one wins. `NAME_FILE` in the environment names a
file that holds the value of `NAME`, for secrets. Lists are separated by commas there. A key that does not exist is an
error. `pillarbox config check` says whether all is well, and `pillarbox config show` where each value comes from."""
