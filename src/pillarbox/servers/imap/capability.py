"""What a session is told that the server can do, true in each state (RFC 9051 §6.1.1, §7.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.servers.imap.rights import BEYOND_RFC_2086

if TYPE_CHECKING:
    from pillarbox.servers.imap.session import Session

# What holds in every state.
_ALWAYS = ("IMAP4rev2", "IMAP4rev1", "SASL-IR", "ID", "ENABLE", "LITERAL+")
# What is of use once somebody has logged in; each is served by a module of this folder.
_LOGGED_IN = (
    "IDLE", "NAMESPACE", "CHILDREN", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "UIDPLUS", "UNSELECT", "MOVE",
    "CONDSTORE", "QRESYNC", "OBJECTID", "STATUS=SIZE", "SAVEDATE", "UTF8=ACCEPT",
    "BINARY", "PREVIEW", "MULTIAPPEND", "CATENATE", "REPLACE", "UIDONLY", "UIDBATCHES", "UNAUTHENTICATE",
    "ACL", f"RIGHTS={BEYOND_RFC_2086}", "LIST-MYRIGHTS",
    "QUOTA", "QUOTASET", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE",
    "ESEARCH", "SEARCHRES", "PARTIAL", "WITHIN", "SEARCH=FUZZY", "MULTISEARCH", "CONTEXT=SEARCH",
    "SORT", "SORT=DISPLAY", "ESORT", "CONTEXT=SORT", "I18NLEVEL=1",
    "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "THREAD=REFS",
    "METADATA", "LIST-METADATA", "FILTERS", "NOTIFY", "CREATE-SPECIAL-USE", "INPROGRESS", "URLAUTH",
    "URLAUTH=BINARY",
)  # fmt: skip
# What ENABLE means something for (RFC 5161 §3.1), as it is spelled.
ENABLED = {name.upper(): name for name in ("IMAP4rev2", "UTF8=ACCEPT", "CONDSTORE", "QRESYNC", "UIDONLY")}


def capabilities(session: Session) -> str:
    """The words of CAPABILITY as they hold now."""
    words = list(_ALWAYS)
    if session.logged_in is not None:
        words += _LOGGED_IN
        settings = session.service.settings
        words.append(f"APPENDLIMIT={settings.max_message}")
        words += [f"MESSAGELIMIT={settings.message_limit}"] if settings.message_limit else []
        words += [f"SAVELIMIT={settings.save_limit}"] if settings.save_limit else []
        if settings.jmap_url is not None:
            words.append("JMAPACCESS")  # RFC 9698 §3: ids and credentials are the same
        if not session.is_compressed:
            words.append("COMPRESS=DEFLATE")
        return " ".join(words)
    if session.line.can_start_tls:
        words.append("STARTTLS")
    mechanisms = session.mechanisms
    words += [f"AUTH={mechanism}" for mechanism in mechanisms]
    if not mechanisms:
        # RFC 9051 §6.2.3: "A server MUST ... advertise the LOGINDISABLED capability" where LOGIN would be refused.
        words.append("LOGINDISABLED")
    return " ".join(words)
