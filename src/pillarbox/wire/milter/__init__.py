"""The mail server's end of the milter protocol: it asks a filter about a message, sans I/O.

There is no RFC. This is version 6 as Sendmail 8.14 introduced it and Postfix speaks it; filters of versions 2 to 5 are
understood too. A filter is somebody else's program: what it answers has limits and is checked.
"""
