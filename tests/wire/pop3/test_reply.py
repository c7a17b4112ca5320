from pillarbox.wire.pop3.reply import challenge, err, lines, ok


def test_replies_are_one_line_whatever_is_in_them() -> None:
    assert ok() == b"+OK\r\n"
    assert ok("2 messages") == b"+OK 2 messages\r\n"
    assert err("no") == b"-ERR no\r\n"
    assert err("somebody is here", "IN-USE") == b"-ERR [IN-USE] somebody is here\r\n"
    assert err("a\r\n+OK b\0c") == b"-ERR a +OK b c\r\n"
    assert err("ä") == b"-ERR ?\r\n"


def test_a_reply_has_at_most_512_octets() -> None:
    assert len(err("x" * 10_000, "SYS/TEMP")) <= 512  # RFC 2449 §4


def test_challenges_and_lines() -> None:
    assert challenge(b"") == b"+ \r\n"
    assert challenge(b"abcd") == b"+ abcd\r\n"
    assert lines([]) == b""
    assert lines(["1 10", "2 20"]) == b"1 10\r\n2 20\r\n"
