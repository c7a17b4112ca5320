"""SASL exchanges of servers and of clients, sans I/O: challenges out, responses in, and claims to be checked.

Sections: RFC 4422; RFC 4616; RFC 5802; RFC 7677; RFC 7628; RFC 5929 §4; RFC 9266.
"""
