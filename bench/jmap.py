"""A plain JMAP client: it prepares what is measured, and makes the octets of the requests that are replayed."""

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from tools.demo_process import User

Call = tuple[str, dict[str, Any]]
CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
NEWEST = [{"property": "receivedAt", "isAscending": False}]


class JmapError(Exception):
    """The server refused what the benchmark needs."""


class Jmap:
    """One user's mail account."""

    def __init__(self, session_url: str, user: User) -> None:
        self.user = user
        self.session_url = session_url
        where = urlsplit(session_url)
        self.address = (where.hostname or "127.0.0.1", where.port or 80)
        self._connection = http.client.HTTPConnection(*self.address, timeout=300)
        self.session: dict[str, Any] = json.loads(self.http("GET", session_url))
        self.account: str = self.session["primaryAccounts"][MAIL]
        self.api: str = self.session["apiUrl"]

    def headers(self) -> dict[str, str]:
        """Who asks, by Basic authentication."""
        token = base64.b64encode(f"{self.user.name}:{self.user.password}".encode()).decode()
        return {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def http(self, method: str, url: str, body: bytes = b"", **headers: str) -> bytes:
        """Make an HTTP request. Raises JmapError unless it succeeds."""
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        self._connection.request(method, path, body or None, {**self.headers(), **headers})
        response = self._connection.getresponse()
        data = response.read()
        if response.status // 100 != 2:
            raise JmapError(f"{method} {path}: HTTP {response.status} {data[:300]!r}")
        return data

    def call(self, *calls: Call) -> list[dict[str, Any]]:
        """Make method calls; `accountId` is added. Raises JmapError if a call or a part of a set is refused."""
        answers = json.loads(self.http("POST", self.api, self.body(calls)))["methodResponses"]
        found = []
        for name, answer, _ in answers:
            if name == "error" or answer.get("notCreated") or answer.get("notUpdated") or answer.get("notDestroyed"):
                raise JmapError(f"{[call[0] for call in calls]}: {name} {json.dumps(answer)[:300]}")
            found.append(answer)
        return found

    def body(self, calls: tuple[Call, ...]) -> bytes:
        """The JSON of a request. Calls are named "0", "1", ..."""
        methods = [
            [name, arguments if name == "Core/echo" else {"accountId": self.account, **arguments}, str(at)]
            for at, (name, arguments) in enumerate(calls)
        ]
        return json.dumps({"using": [CORE, MAIL], "methodCalls": methods}).encode()

    def raw(self, method: str, url: str, body: bytes = b"", **headers: str) -> bytes:
        """The octets of an HTTP/1.1 request."""
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        fields = {"Host": f"{self.address[0]}:{self.address[1]}", **self.headers(), **headers}
        if method == "POST":
            fields["Content-Length"] = str(len(body))
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def request(self, *calls: Call) -> bytes:
        """The octets of an API request."""
        return self.raw("POST", self.api, self.body(calls))

    def url(self, template: str, **variables: str) -> str:
        """One of the session's URL templates, filled in."""
        url: str = self.session[template]
        for variable, value in {"accountId": self.account, **variables}.items():
            url = url.replace("{" + variable + "}", quote(value, safe=""))
        return url

    def mailbox(self, role: str | None = None, name: str = "") -> str:
        """The id of the mailbox with a role, or of this name, which is made if it is not there."""
        for box in self.call(("Mailbox/get", {"ids": None}))[0]["list"]:
            if box["role"] == role if role else box["name"] == name:
                return str(box["id"])
        if role:
            raise JmapError(f"no mailbox with the role {role}")
        return str(self.call(("Mailbox/set", {"create": {"m": {"name": name}}}))[0]["created"]["m"]["id"])

    def count(self, mailbox: str) -> int:
        """How many emails are in a mailbox."""
        query = {"filter": {"inMailbox": mailbox}, "limit": 1, "calculateTotal": True}
        return int(self.call(("Email/query", query))[0]["total"])

    def email_ids(self, mailbox: str, count: int, step: int = 1) -> Iterator[str]:
        """Every `step`-th of the newest emails of a mailbox, `count` of them at most."""
        left, position = count, 0
        while left > 0:
            query = {"filter": {"inMailbox": mailbox}, "sort": NEWEST, "position": position, "limit": 500}
            ids: list[str] = self.call(("Email/query", query))[0]["ids"]
            if not ids:
                return
            chosen = ids[-position % step :: step][:left]
            yield from chosen
            left -= len(chosen)
            position += len(ids)

    def patch(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Update emails, 200 in each call."""
        items = list(changes.items())
        for at in range(0, len(items), 200):
            self.call(("Email/set", {"update": dict(items[at : at + 200])}))

    def empty(self, mailbox: str) -> None:
        """Destroy all emails of a mailbox."""
        while ids := list(self.email_ids(mailbox, 400)):
            self.call(("Email/set", {"destroy": ids}))


def reference(call: str, name: str, path: str) -> dict[str, str]:
    """A result reference (RFC 8620 §3.7)."""
    return {"resultOf": call, "name": name, "path": path}
