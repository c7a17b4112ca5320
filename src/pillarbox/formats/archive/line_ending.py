"""Line ends: messages are kept with CRLF (RFC 5322 §2.3), files of mbox and Maildir have LF."""


def to_crlf(data: bytes) -> bytes:
    """Turn every LF that has no CR before it into CRLF; existing CRLF and lone CR are kept."""
    if data.count(b"\n") == data.count(b"\r\n"):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def to_lf(data: bytes) -> bytes:
    """Turn every CRLF into LF."""
    return data.replace(b"\r\n", b"\n")
