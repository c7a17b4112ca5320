"""Messages for push services: encrypted for the client, and signed so that the service knows who sends.

RFC 8188, RFC 8291, RFC 8292.
"""
