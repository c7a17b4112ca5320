"""IMAP4rev2 and IMAP4rev1 (RFC 9051, RFC 3501), the conversation: octets in, commands out; values in, responses out.

Nothing here knows a socket or a store.
"""
