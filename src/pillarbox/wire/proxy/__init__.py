"""The PROXY protocol, versions 1 and 2: a proxy says for whom it opens a connection. HAProxy's text specifies it."""
