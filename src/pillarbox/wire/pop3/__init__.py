"""POP3 from the server's side, without a socket (RFC 1939)."""
