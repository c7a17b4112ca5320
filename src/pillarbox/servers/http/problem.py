"""Problem documents: how an HTTP request that failed is explained to a machine and a person (RFC 9457, RFC 7807)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from pillarbox.servers.http.answer import Answer, Header

_TYPE = (b"content-type", b"application/problem+json")


class Problem(Exception):
    """A refusal of the whole request. `type` is a URI, about:blank when the status says it all (RFC 9457 §4.2.1)."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        type: str = "about:blank",
        headers: tuple[Header, ...] = (),
        **members: Any,
    ) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.type, self.headers, self.members = status, detail, type, headers, members

    def document(self) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = {"type": self.type, "title": HTTPStatus(self.status).phrase, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        document.update(self.members)
        return document

    def answer(self) -> Answer:
        """The document as an answer."""
        return Answer(self.status, (_TYPE, *self.headers), msgspec.json.encode(self.document()))

    def last_words(self) -> bytes:
        """The document as the last answer of a connection, on the wire (RFC 9112 §9.6)."""
        answer, status = self.answer(), self.status
        headers = (*answer.headers, (b"content-length", b"%d" % len(answer.body)), (b"connection", b"close"))
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, HTTPStatus(status).phrase.encode(), lines, answer.body)


class Disconnected(Exception):
    """The client went away before its request was whole; there is nobody to answer."""
