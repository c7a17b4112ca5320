"""Keeps a session with another server up: connects again when it breaks, and waits when the server asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pillarbox.services.fetch.login import Credentials
from pillarbox.services.fetch.source import Busy, Source
from pillarbox.services.fetch.talk import Connect
from pillarbox.wire.imap_client.fault import Dropped

T = TypeVar("T")
TRIES = 8  # without any progress: the waits make some two minutes
_FIRST_TRIES = 2  # when nobody ever answered, the name or the port is wrong
_LONGEST_WAIT = 120.0


class GivenUp(Exception):
    """The server does not serve: whoever runs the fetch may try again later, and it will go on."""


class Link:
    """One session at a time, logged in."""

    def __init__(self, connect: Connect, credentials: Credentials, wait: Callable[[float], None]) -> None:
        """`wait` waits so many seconds; it may raise what ends the fetch."""
        self._connect = connect
        self._credentials = credentials
        self._wait = wait
        self._source: Source | None = None
        self._tries = 0
        self._was_up = False

    def steady(self, name: bytes | None, step: Callable[[Source], T]) -> T:
        """Do something in a folder, again from its beginning after each break. Raises GivenUp, Refused, Unsuitable.

        The step has to go on where it was; it says `moved` when it got further.
        """
        while True:
            try:
                return step(self._session(name))
            except Dropped as fault:
                self._break(str(fault), None)
            except Busy as asked:
                self._break(str(asked), asked.seconds)

    def moved(self) -> None:
        """Something was got: breaks are counted anew."""
        self._tries = 0

    def _session(self, name: bytes | None) -> Source:
        if self._source is None:
            talk = self._connect()
            try:
                self._source = Source(talk, self._credentials)
                self._was_up = True
            except BaseException:
                talk.close()
                raise
        if name is not None and self._source.selected != name:
            self._source.open(name)
        return self._source

    def _break(self, reason: str, seconds: float | None) -> None:
        """A session is over: wait, longer each time."""
        self.close()
        self._tries += 1
        if self._tries >= (TRIES if self._was_up else _FIRST_TRIES):
            raise GivenUp(f"{reason} (tried {self._tries} times)")
        self._wait(max(seconds or 0.0, min(_LONGEST_WAIT, 2.0 ** (self._tries - 1))))

    def close(self) -> None:
        """End the session at once."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def leave(self) -> None:
        """Log out."""
        if self._source is not None:
            self._source.leave()
            self._source = None
