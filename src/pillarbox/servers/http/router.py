"""From a path to its handlers: exact paths by a look-up, paths with variables by their longest prefix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from pillarbox.servers.http.answer import Answer, Stream, Upgrade
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request

Handler = Callable[[Request], Awaitable[Answer | Stream | Upgrade]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path with the handler of each method; with `prefix`, all paths below it. Its name is for the log."""

    path: str
    handlers: Mapping[str, Handler]
    prefix: bool = False
    name: str = "other"

    def handler(self, method: str) -> Handler:
        """The handler of a method; GET's also answers HEAD (RFC 9110 §9.3.2). Raises a 405 problem."""
        found = self.handlers.get(method) or (self.handlers.get("GET") if method == "HEAD" else None)
        if found is None:
            raise Problem(405, f"{method} is not possible here", headers=((b"allow", self.allow),))
        return found

    @property
    def allow(self) -> bytes:
        """The methods as the Allow header lists them (RFC 9110 §10.2.1)."""
        names = {*self.handlers, "OPTIONS", *({"HEAD"} if "GET" in self.handlers else ())}
        return ", ".join(sorted(names)).encode()


class Router:
    """All routes of an application."""

    def __init__(self, routes: Iterable[Route]) -> None:
        routes = list(routes)
        self._exact = {route.path: route for route in routes if not route.prefix}
        self._prefixes = sorted((r for r in routes if r.prefix), key=lambda r: len(r.path), reverse=True)

    def find(self, path: str) -> Route:
        """The route of a path. Raises a 404 problem."""
        found = self._exact.get(path)
        if found is not None:
            return found
        for route in self._prefixes:
            if path.startswith(route.path):
                return route
        raise Problem(404, "there is nothing at this address")
