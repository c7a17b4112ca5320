"""The other side of IMAP: what a client sends and how it reads a server's responses (RFC 9051, RFC 3501).

Nothing here knows a socket. A server is not trusted: lines, literals and nesting have limits.
"""
