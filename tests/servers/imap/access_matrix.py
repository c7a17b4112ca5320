"""Which answer which command gets in a mailbox of one's own, of somebody who lets one write, or read, or nothing."""

from __future__ import annotations

from typing import NamedTuple

OK, NOPERM, MISSING, READ_ONLY = "OK", "NO [NOPERM]", "NO [NONEXISTENT]", "NO [CANNOT]"


class Case(NamedTuple):
    """A command, with `{box}` for a mailbox and `{top}` for what stands before its name, and the answers."""

    command: str
    own: str
    write: str
    read: str
    none: str


# What is asked of a mailbox by its name.
BY_NAME = (
    Case("SELECT {box}", OK, OK, OK, MISSING),
    Case("EXAMINE {box}", OK, OK, OK, MISSING),
    Case("STATUS {box} (MESSAGES UIDNEXT SIZE)", OK, OK, OK, MISSING),
    Case('LIST "" {box}', OK, OK, OK, OK),
    Case('LSUB "" {box}', OK, OK, OK, OK),
    Case("CREATE {top}New", OK, OK, NOPERM, NOPERM),
    Case("DELETE {top}Archive", OK, OK, NOPERM, MISSING),
    Case("RENAME {top}Junk {top}Old", OK, OK, NOPERM, MISSING),
    Case("RENAME Drafts {top}Other", OK, READ_ONLY, NOPERM, NOPERM),
    Case("SUBSCRIBE {box}", OK, OK, OK, MISSING),
    Case("UNSUBSCRIBE {box}", OK, READ_ONLY, READ_ONLY, MISSING),
    Case("APPEND {top}None {{1+}}\r\nx", "NO [TRYCREATE]", "NO [TRYCREATE]", MISSING, MISSING),
    Case("APPEND {box} {{1+}}\r\nx", OK, OK, NOPERM, MISSING),
    Case("MYRIGHTS {box}", OK, OK, OK, MISSING),
    Case("GETACL {box}", OK, NOPERM, NOPERM, MISSING),
    Case("LISTRIGHTS {box} bob@example.org", OK, NOPERM, NOPERM, MISSING),
    Case("SETACL {box} carol@example.org lr", READ_ONLY, NOPERM, NOPERM, MISSING),
    Case("DELETEACL {box} alice@example.org", READ_ONLY, NOPERM, NOPERM, MISSING),
    Case("GETQUOTA {owner}", OK, OK, OK, MISSING),
    Case("GETQUOTAROOT {box}", OK, OK, OK, MISSING),
    Case("SETQUOTA {owner} (STORAGE 1)", NOPERM, NOPERM, NOPERM, NOPERM),
    Case("GETMETADATA {box} (/private/comment /shared/comment)", OK, OK, OK, MISSING),
    Case('SETMETADATA {box} (/private/comment "x")', OK, OK, OK, MISSING),
    Case('SETMETADATA {box} (/shared/comment "x")', OK, OK, NOPERM, MISSING),
    Case('SETMETADATA {top}Trash (/private/specialuse "\\\\Trash")', OK, OK, NOPERM, MISSING),
    Case("NOTIFY SET STATUS (mailboxes {box} (MailboxName MailboxMetadataChange))", OK, OK, OK, OK),
    Case("ESEARCH IN (mailboxes {box}) ALL", OK, OK, OK, OK),
)
# What is asked of the mailbox that is selected, which has nine messages.
SELECTED = (
    Case("FETCH 1 (FLAGS BODY.PEEK[])", OK, OK, OK, ""),
    Case("FETCH 1 BODY[]", OK, OK, OK, ""),
    Case("SEARCH ALL", OK, OK, OK, ""),
    Case("STORE 1 +FLAGS (\\Flagged)", OK, OK, NOPERM, ""),
    Case("UID STORE 1 FLAGS (\\Seen)", OK, OK, NOPERM, ""),
    Case("EXPUNGE", OK, OK, NOPERM, ""),
    Case("UID EXPUNGE 1:*", OK, OK, NOPERM, ""),
    Case("COPY 1 Drafts", OK, OK, OK, ""),
    Case("MOVE 1 Drafts", OK, OK, NOPERM, ""),
    Case("REPLACE 1 INBOX {{1+}}\r\nx", OK, OK, NOPERM, ""),
    Case("CLOSE", OK, OK, OK, ""),
    Case("NOOP", OK, OK, OK, ""),
    Case("UNSELECT", OK, OK, OK, ""),
)
# What is asked of one's own inbox about another mailbox.
TARGETS = (
    Case("COPY 1 {box}", OK, OK, NOPERM, MISSING),
    Case("MOVE 1 {box}", OK, OK, NOPERM, MISSING),
    Case("UID REPLACE 9 {box} {{1+}}\r\nx", OK, OK, NOPERM, MISSING),
)
