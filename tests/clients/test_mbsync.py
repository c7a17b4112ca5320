"""mbsync keeps a Maildir and an account alike, in both directions, over TLS."""

from pathlib import Path

from tests.clients.imap_place import Place, message, needs

_SETTINGS = """\
IMAPAccount there
Host {host}
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
SystemCertificates no
CertificateFile {authority}

IMAPStore far
Account there

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""


class Maildir:
    """The near side."""

    def __init__(self, place: Place) -> None:
        self.place, self.path = place, place.folder / "mail"
        self.path.mkdir()
        user = place.user
        text = _SETTINGS.format(
            host=place.host,
            port=place.port,
            user=user.name,
            password=user.password,
            authority=place.authority,
            mail=self.path,
        )
        self.settings = place.write("mbsyncrc", text)

    def sync(self) -> str:
        return self.place.run("mbsync", "--config", self.settings, "--all", "--verbose")

    def files(self, box: str = "INBOX") -> dict[str, Path]:
        """The messages of a mailbox by their subject."""
        found = [path for kind in ("new", "cur") for path in (self.path / box / kind).iterdir()]
        return {path.read_text().partition("Subject: ")[2].partition("\n")[0]: path for path in found}

    def flag(self, subject: str, flags: str, box: str = "INBOX") -> None:
        """Set flags as programs that use a Maildir do: by the file's name."""
        path = self.files(box)[subject]
        name = path.name.partition(":2,")[0]
        path.rename(self.path / box / "cur" / f"{name}:2,{flags}")

    def flags(self, subject: str) -> str:
        return self.files()[subject].name.partition(":2,")[2]


@needs("mbsync")
def test_mail_flags_and_deletions_go_both_ways_until_there_is_nothing_to_do(place: Place) -> None:
    messages = [message(n) for n in range(1, 7)]
    seen, *_, flagged_there, gone_there = place.add(*messages)
    place.jmap.set("Email", update={seen: {"keywords/$seen": True}})
    place.jmap.set("Mailbox", create={"b": {"name": "Übung", "parentId": place.jmap.mailboxes()["archive"]["id"]}})
    near = Maildir(place)
    near.sync()
    # What is there comes here, octet by octet but for the line ends, and mailboxes with it.
    files = near.files()
    assert sorted(files) == [f"Message {n}" for n in range(1, 7)]
    for number, data in enumerate(messages, 1):
        kept = files[f"Message {number}"].read_bytes()
        assert b"\n".join(line for line in kept.split(b"\n") if not line.startswith(b"X-TUID")) == data.replace(
            b"\r\n", b"\n"
        )
    assert near.flags("Message 1") == "S"
    assert (near.path / "Archive" / "&ANw-bung" / "cur").is_dir()

    # What happens here goes there: a flag, a deletion, a draft; and the other way round.
    near.flag("Message 2", "FR")
    near.files()["Message 3"].unlink()
    near.flag("Message 4", "ST")
    (near.path / "Drafts" / "cur" / "1.here:2,DS").write_bytes(message(7).replace(b"\r\n", b"\n"))
    place.jmap.set("Email", update={flagged_there: {"keywords/$answered": True}}, destroy=[gone_there])
    place.add(message(8))
    near.sync()
    assert sorted(near.files()) == ["Message 1", "Message 2", "Message 5", "Message 8"]
    assert near.flags("Message 5") == "R"
    there = place.emails()
    assert sorted(there) == ["Message 1", "Message 2", "Message 5", "Message 7", "Message 8"]
    assert there["Message 2"]["keywords"] == {"$flagged": True, "$answered": True}
    assert there["Message 7"]["keywords"] == {"$draft": True, "$seen": True}
    assert there["Message 7"]["mailboxIds"] == {place.jmap.mailboxes()["drafts"]["id"]: True}

    # Then both sides are alike: a third time nothing changes on either.
    state, here = place.state(), sorted(near.path.rglob("*:2,*"))
    near.sync()
    assert place.state() == state
    assert sorted(near.path.rglob("*:2,*")) == here
