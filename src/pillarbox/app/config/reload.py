"""What of new settings a running server can take on; the rest waits for a restart."""

from __future__ import annotations

from typing import Any

import msgspec

from pillarbox.app.config.settings import Settings

# Where the data is, and what was opened before the processes were made.
_FIXED = (
    "data", "workers", "storage", "blobs",
    "http.listen", "http.tls_listen", "imap.listen", "imap.tls_listen", "lmtp.listen", "metrics.listen",
    "smtp.listen", "submission.listen", "submission.tls_listen",
)  # fmt: skip


def applicable(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """The new settings but for those that cannot change while the server runs; and the names of these, if they did."""
    kept: list[str] = []
    return _merged(old, new, "", kept), kept


def _merged(old: Any, new: Any, prefix: str, kept: list[str]) -> Any:
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(old):
        name = prefix + field.name
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if name in _FIXED:
            kept.append(name)
            changes[field.name] = before
        elif isinstance(before, msgspec.Struct):
            changes[field.name] = _merged(before, after, f"{name}.", kept)
    return msgspec.structs.replace(new, **changes)
