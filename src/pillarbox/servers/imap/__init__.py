"""IMAP4rev2 and IMAP4rev1 on the store that every protocol shares (RFC 9051, RFC 3501)."""
