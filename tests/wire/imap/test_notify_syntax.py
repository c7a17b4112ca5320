import pytest

from pillarbox.wire.imap.access_command import EventGroup, Notify
from pillarbox.wire.imap.fetch_item import Plain, Preview, Section
from tests.wire.imap.server import parsed, refused

BOTH = ("MESSAGENEW", "MESSAGEEXPUNGE")
MANY = (
    "SET STATUS (selected-delayed (MessageNew MessageExpunge)) (subtree (a {1+}\r\nb) (MailboxName)) "
    "(mailboxes inbox (SubscriptionChange)) (inboxes (MailboxMetadataChange ServerMetadataChange)) "
    "(subscribed (MessageNew MessageExpunge MailboxName))"
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("NONE", Notify(None)),
        ("SET (selected MessageNew MessageExpunge)", Notify((EventGroup("selected", (), BOTH),))),
        ("SET (personal NONE)", Notify((EventGroup("personal"),))),
        ("set status (Selected (MessageNew MessageExpunge))", Notify((EventGroup("selected", (), BOTH),), True)),
        (
            "SET (selected (MessageNew (uid BODY.PEEK[HEADER.FIELDS (X)] PREVIEW (LAZY)) MessageExpunge FlagChange))",
            Notify(
                (
                    EventGroup(
                        "selected",
                        (),
                        (*BOTH, "FLAGCHANGE"),
                        (
                            Plain.UID,
                            Section(what="HEADER.FIELDS", fields=("X",), is_peek=True),
                            Preview(is_lazy=True),
                        ),
                    ),
                )
            ),
        ),
        (
            MANY,
            Notify(
                (
                    EventGroup("selected-delayed", (), BOTH),
                    EventGroup("subtree", ("a", "b"), ("MAILBOXNAME",)),
                    EventGroup("mailboxes", ("INBOX",), ("SUBSCRIPTIONCHANGE",)),
                    EventGroup("inboxes", (), ("MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE")),
                    EventGroup("subscribed", (), (*BOTH, "MAILBOXNAME")),
                ),
                True,
            ),
        ),
        # What the server does not know it refuses itself, with the names of what it knows.
        ("SET (personal (FooChange))", Notify((EventGroup("personal", (), ("FOOCHANGE",)),))),
    ],
)
def test_notify(text: str, command: Notify) -> None:
    assert parsed(f"NOTIFY {text}") == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SET",
        "SET STATUS",
        "SET NONE",
        "NONE x",
        "SET ()",
        "SET (selected NONE MessageNew MessageExpunge)",
        "SET (personal)",
        "SET (personal ())",
        "SET (foo NONE)",
        "SET (subtree NONE)",
        "SET (subtree-one a NONE)",
        "SET (mailboxes () NONE)",
        "SET (personal (MessageNew))",
        "SET (personal (MessageExpunge))",
        "SET (personal (FlagChange))",
        "SET (personal (MessageNew (UID) MessageExpunge))",
        "SET (selected (MessageNew () MessageExpunge))",
        "SET (selected (MessageNew (FOO) MessageExpunge))",
        "SET (selected (MailboxName))",
        "SET (selected NONE) (selected-delayed NONE)",
        "SET (personal NONE)(inboxes NONE)",
        "SET (personal NONE",
    ],
)
def test_what_is_no_notify_is_refused(text: str) -> None:
    assert refused(f"NOTIFY {text}").startswith("BAD ")


def test_very_many_groups_or_mailboxes_are_refused() -> None:
    assert refused("NOTIFY SET " + " ".join(["(personal NONE)"] * 101)).startswith("NO [LIMIT] ")
    assert refused(f"NOTIFY SET (mailboxes ({' '.join(['a'] * 1001)}) NONE)").startswith("NO [LIMIT] ")
