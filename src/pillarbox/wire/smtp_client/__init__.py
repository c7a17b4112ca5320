"""The other side of SMTP and LMTP: what a client sends, and how it reads a server's replies (RFC 5321, RFC 2033).

Nothing here knows a socket. A server is not trusted: its replies have limits. Nor is what is sent: an address or a
message cannot make a command.
"""
