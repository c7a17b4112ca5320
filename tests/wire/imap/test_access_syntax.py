import pytest

from pillarbox.wire.imap.access_command import (
    GetAcl,
    GetQuota,
    GetQuotaRoot,
    ListRights,
    MyRights,
    SetAcl,
    SetQuota,
)
from pillarbox.wire.imap.command import Command
from tests.wire.imap.server import parsed, refused


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("SETACL inbox smith lrswi", SetAcl("INBOX", "smith", "lrswi")),
        ("SETACL INBOX smith +te", SetAcl("INBOX", "smith", "te", "+")),
        ('SETACL INBOX "-évil" -x', SetAcl("INBOX", "-évil", "x", "-")),
        ('SETACL INBOX anyone ""', SetAcl("INBOX", "anyone", "")),
        ("SETACL {5+}\r\nINBOX {5+}\r\nsmith {3+}\r\nlrs", SetAcl("INBOX", "smith", "lrs")),
        ("DELETEACL INBOX Fred", SetAcl("INBOX", "Fred", None)),
        ("GETACL INBOX/Drafts", GetAcl("INBOX/Drafts")),
        ("LISTRIGHTS ~/Mail/saved smith", ListRights("~/Mail/saved", "smith")),
        ("MYRIGHTS inbox", MyRights("INBOX")),
        ('GETQUOTA ""', GetQuota("")),
        ("GETQUOTA #user/alice", GetQuota("#user/alice")),
        ("GETQUOTAROOT inbox", GetQuotaRoot("INBOX")),
        ('SETQUOTA "" (storage 512 MESSAGE 0)', SetQuota("", (("STORAGE", 512), ("MESSAGE", 0)))),
        ("SETQUOTA x (STORAGE 9223372036854775807)", SetQuota("x", (("STORAGE", 2**63 - 1),))),
        ("SETQUOTA x ()", SetQuota("x", ())),
    ],
)
def test_rights_and_quota(text: str, command: Command) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "SETACL INBOX smith",
        "SETACL INBOX smith LRS",
        "SETACL INBOX smith +-x",
        "SETACL INBOX smith l r",
        "SETACL INBOX (smith) l",
        "DELETEACL INBOX",
        "DELETEACL INBOX smith l",
        "GETACL",
        "GETACL INBOX smith",
        "LISTRIGHTS INBOX",
        "MYRIGHTS",
        "GETQUOTA",
        "GETQUOTAROOT",
        'SETQUOTA ""',
        'SETQUOTA "" STORAGE 5',
        'SETQUOTA "" (STORAGE)',
        'SETQUOTA "" (STORAGE -5)',
        'SETQUOTA "" (STORAGE 5 storage 6)',
        'SETQUOTA "" (STORAGE 9223372036854775808)',
    ],
)
def test_what_is_no_such_command_is_refused(text: str) -> None:
    assert refused(text).startswith("BAD ")
