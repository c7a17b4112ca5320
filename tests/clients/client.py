"""A small JMAP client on the standard library's HTTP client: it speaks like a client and knows nothing of the server.

RFC 8620 §2 (session), §3.3 (API), §6 (blobs), §7.3 (event source).
"""

import base64
import http.client
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Self

CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
Json = dict[str, Any]
_FRESH_SECONDS = 15
LATER = 10.0  # seconds after which what should have come by itself is missed


class MethodError(Exception):
    """A method answered with an error; `type` is its name in the RFC."""

    def __init__(self, answer: Json) -> None:
        super().__init__(json.dumps(answer))
        self.type: str = answer["type"]


class Client:
    """One user on one connection."""

    def __init__(self, session_url: str, user: str, password: str, tls: ssl.SSLContext | None = None) -> None:
        """With `tls` it speaks https."""
        self._host = urllib.parse.urlsplit(session_url).netloc
        self._login = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
        self._connection = (
            http.client.HTTPSConnection(self._host, timeout=30, context=tls)
            if tls is not None
            else http.client.HTTPConnection(self._host, timeout=30)
        )
        self._used_at = time.monotonic()
        self.session: Json = json.loads(self.http("GET", session_url))
        self.account: str = self.session["primaryAccounts"][MAIL]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def http(self, method: str, url: str, body: bytes | None = None, type: str = "application/json") -> bytes:
        """One exchange; the answer's body. Asserts that it succeeded."""
        target = urllib.parse.urlsplit(url)
        if time.monotonic() - self._used_at > _FRESH_SECONDS:
            self._connection.close()  # the server may have, as it may at any time; it is opened again by itself
        headers = self._login | ({"Content-Type": type} if body is not None else {})
        self._connection.request(method, f"{target.path}?{target.query}".rstrip("?"), body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        self._used_at = time.monotonic()
        assert 200 <= answer.status < 300, (method, url, answer.status, data)
        return data

    def request(self, *calls: tuple[str, Json]) -> list[tuple[str, Json, str]]:
        """Several calls in one request, named "0", "1", ...; the account is filled in. The answers as they came."""
        numbered = [[name, {"accountId": self.account, **given}, str(n)] for n, (name, given) in enumerate(calls)]
        body = json.dumps({"using": [CORE, MAIL, SUBMISSION], "methodCalls": numbered}).encode()
        answer: Json = json.loads(self.http("POST", self.session["apiUrl"], body))
        return [(name, given, id) for name, given, id in answer["methodResponses"]]

    def call(self, name: str, **arguments: Any) -> Json:
        """One call; its answer. Raises MethodError."""
        answered, answer, _ = self.request((name, arguments))[0]
        if answered == "error":
            raise MethodError(answer)
        assert answered == name
        return answer

    def set(self, name: str, **arguments: Any) -> Json:
        """One Foo/set of which nothing may be refused."""
        answer = self.call(f"{name}/set", **arguments)
        refused = {kind: answer[kind] for kind in ("notCreated", "notUpdated", "notDestroyed") if answer.get(kind)}
        assert not refused, refused
        return answer

    def get(self, name: str, ids: list[str] | None, **arguments: Any) -> dict[str, Json]:
        """Records by id."""
        return {found["id"]: found for found in self.call(f"{name}/get", ids=ids, **arguments)["list"]}

    def mailboxes(self) -> dict[str, Json]:
        """The mailboxes that have a role, by role."""
        return {box["role"]: box for box in self.get("Mailbox", None).values() if box["role"]}

    def upload(self, data: bytes, type: str) -> Json:
        """A blob on the server (RFC 8620 §6.1)."""
        url = self._url("uploadUrl", accountId=self.account)
        answer: Json = json.loads(self.http("POST", url, data, type))
        return answer

    def download(self, blob: str, name: str = "file", type: str = "application/octet-stream") -> bytes:
        """A blob's octets (RFC 8620 §6.2)."""
        return self.http("GET", self._url("downloadUrl", accountId=self.account, blobId=blob, name=name, type=type))

    def _url(self, template: str, **values: str) -> str:
        """A level 1 template with its variables filled in (RFC 6570 §1.2)."""
        url: str = self.session[template]
        for name, value in values.items():
            url = url.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
        return url

    @contextmanager
    def events(self, types: str = "*") -> Iterator["Events"]:
        """The event stream, open inside the block."""
        target = urllib.parse.urlsplit(self._url("eventSourceUrl", types=types, closeafter="no", ping="0"))
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request(
            "GET", f"{target.path}?{target.query}", headers=self._login | {"Accept": "text/event-stream"}
        )
        stream = connection.getresponse()
        assert (stream.status, stream.headers.get_content_type()) == (200, "text/event-stream")
        events = Events(stream)
        try:
            yield events
        finally:
            events.close(connection)


class Events:
    """State changes as they come (RFC 8620 §7.1)."""

    def __init__(self, stream: http.client.HTTPResponse) -> None:
        self._stream = stream
        self._found: SimpleQueue[Json] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            for line in self._stream:
                if line.startswith(b"data:") and b"StateChange" in line:
                    self._found.put(json.loads(line[5:]))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # the block was left

    def wait(self, account: str, type: str, not_state: str) -> Mapping[str, str]:
        """The account's states once this type's is another one."""
        until = time.monotonic() + LATER
        while True:
            try:
                changed: Json = self._found.get(timeout=max(0.01, until - time.monotonic()))
            except Empty:
                raise AssertionError(f"{type} of {account} did not change within {LATER} s") from None
            states: dict[str, str] = changed["changed"].get(account, {})
            if states.get(type, not_state) != not_state:
                return states

    def close(self, connection: http.client.HTTPConnection) -> None:
        """Hang up."""
        if connection.sock is not None:  # wakes the reader
            connection.sock.shutdown(2)
        self._reader.join(LATER)
        self._stream.close()
        connection.close()
