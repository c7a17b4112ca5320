"""The last words of a connection: BYE, and why (RFC 9051 §7.1.5)."""

from __future__ import annotations

STOPPING = b"* BYE The server is shutting down\r\n"
SILENT = b"* BYE [UNAVAILABLE] Nothing was heard for too long\r\n"
STRANGER = b"* BYE [UNAVAILABLE] Nobody has logged in for too long\r\n"
REVOKED = b"* BYE The login no longer holds\r\n"
UNKNOWN = b"* BYE [UNAVAILABLE] Whether the login still holds cannot be found out now\r\n"
DELETED = b"* BYE The selected mailbox was deleted\r\n"
TOO_MANY = b"* BYE [LIMIT] Too many connections, try again later\r\n"
NOT_DEFLATE = b"* BYE That cannot be expanded\r\n"
BROKEN = b"* BYE [SERVERBUG] The server has met an error\r\n"
GOODBYE = b"* BYE Goodbye\r\n"
