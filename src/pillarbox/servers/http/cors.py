"""Which other origins' scripts may use the server (Fetch standard: CORS protocol)."""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.servers.http.answer import Header

_METHODS = b"GET, HEAD, POST, PUT, DELETE, OPTIONS"
# A wildcard does not cover Authorization, so that all that clients send stands here.
_HEADERS = (
    b"Accept, Accept-Language, Authorization, Cache-Control, Content-Language, Content-Type, If-Match, If-None-Match,"
    b" If-Range, Last-Event-ID, Range, X-Requested-With"
)
_EXPOSED = b"Content-Disposition, Content-Range, ETag, Retry-After, WWW-Authenticate, X-Request-Id"
_PREFLIGHT_SECONDS = b"7200"
_VARY: Header = (b"vary", b"Origin")


class Cors:
    """The list of allowed origins, with the headers for each made once."""

    def __init__(self, origins: Iterable[str]) -> None:
        names = {origin.rstrip("/").lower() for origin in origins}
        self._any = "*" in names
        self._listed = {name.encode(): _headers(name.encode()) for name in names - {"*"}}
        # Without a list the answer is the same for every origin.
        self._others: tuple[Header, ...] = (_VARY,) if self._listed else ()
        if self._any:
            # Never with credentials: a stranger's page may come with its own password, not with the browser's.
            wildcard = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED))
            self._others = (*self._others, *wildcard)

    def headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """What every answer to this origin carries. Only a listed origin is ever repeated."""
        if origin is None:
            return self._others
        return self._listed.get(origin.lower(), self._others)

    def allows(self, origin: bytes) -> bool:
        """Whether scripts of this origin may use the server."""
        return self._any or origin.lower() in self._listed

    def preflight(self, origin: bytes | None) -> tuple[Header, ...]:
        """What the answer to a preflight carries beside those; nothing for a stranger."""
        if origin is None or not self.allows(origin):
            return ()
        return (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        )


def _headers(origin: bytes) -> tuple[Header, ...]:
    return (
        _VARY,
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSED),
    )
