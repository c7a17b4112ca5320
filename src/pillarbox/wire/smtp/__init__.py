"""The server's side of SMTP and LMTP conversations, sans I/O.

Sections: RFC 5321; RFC 2033; RFC 2034; RFC 3463; RFC 2920; RFC 1870; RFC 6152; RFC 3030; RFC 6531.
"""
