"""`pillarbox fetch imap` as a person types it, and what is in the store afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from pillarbox.app import fetching
from pillarbox.app.cli import main
from pillarbox.app.engine import Engine
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.services.mail.mailbox_path import paths_of


class Mail(NamedTuple):
    """An email in the store."""

    paths: frozenset[str]
    received_at: str
    keywords: frozenset[str]
    data: bytes


class Meter(fetching.Meter):
    """Does not wait."""

    def __init__(self, *_: object) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


class FetchShell:
    """A store with the accounts alice@example.org and bob@example.org."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.data = folder / "data"
        self._variables = variables
        self.json("domain", "add", "example.org")
        for name in ("alice", "bob"):
            self.json("account", "add", f"{name}@example.org", "--generate")

    @classmethod
    def of(cls, folder: Path) -> FetchShell:
        """The one for a store that is there, with accounts of its own."""
        shell = cls.__new__(cls)
        shell.data, shell._variables = folder / "data", {}
        return shell

    def run(self, *words: object, password: str = "secret-a", **variables: str) -> Result:  # noqa: S107
        arguments = [str(word) for word in words]
        env = {"PILLARBOX_CONFIG": None, "PILLARBOX_FETCH_PASSWORD": password, **self._variables, **variables}
        return CliRunner().invoke(main, [*arguments, "--data", str(self.data)], env=env)

    def json(self, *words: object, code: int = 0, **variables: str) -> Any:
        result = self.run(*words, "--json", **variables)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def fetch(self, port: int, *words: object, user: str = "alice", code: int = 0, **variables: str) -> Any:
        """Fetch from a server on this machine without TLS, unless the words say otherwise; what is told."""
        place = () if "--accounts" in words else ("--user", user, "--account", "alice@example.org")
        security = () if {"--ca-file", "--fingerprint"}.intersection(map(str, words)) else ("--insecure-plain",)
        told = self.json(
            "fetch", "imap", "--from", f"127.0.0.1:{port}", *place, *security, *words, code=code, **variables
        )
        return told if len(told["accounts"]) > 1 else told["accounts"][0]

    def account_id(self, name: str) -> str:
        """The id of an account."""
        with Engine(self.data) as engine:
            found = engine.find("Account", "name", name)
            assert found is not None
            return str(found["id"])

    def mail(self, account: str = "alice@example.org") -> list[Mail]:
        """All emails, in the order of their octets."""
        with Engine(self.data) as engine:
            found = engine.find("Account", "name", account)
            assert found is not None
            id = found["id"]

            def body(view: Any) -> list[Mail]:
                paths = {box: "/".join(path) for box, path in paths_of(view, id).items()}
                emails = view.get_many(EMAIL, id, view.ids(EMAIL, id, -1)).values()
                return [
                    Mail(
                        frozenset(paths[box] for box in e.mailbox_ids),
                        e.received_at,
                        frozenset(e.keywords) - {"$imported"},
                        view.read_blob(id, e.blob_id),
                    )
                    for e in emails
                ]

            return sorted(engine.store.read(body), key=lambda mail: mail.data)

    def mailboxes(self, account: str = "alice@example.org") -> dict[str, Mailbox]:
        """The mailboxes by path."""
        with Engine(self.data) as engine:
            found = engine.find("Account", "name", account)
            assert found is not None
            id = found["id"]

            def body(view: Any) -> dict[str, Mailbox]:
                paths = paths_of(view, id)
                return {"/".join(paths[box.id]): box for box in view.all(MAILBOX, id)}

            return engine.store.read(body)
