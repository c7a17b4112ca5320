from pillarbox.formats.mailauth.verdict import Verdict, find

DKIM = Verdict("dkim", "pass", properties=(("header.d", "example.org"), ("header.d", "example.com")))


def test_the_first_property_of_a_name_counts() -> None:
    assert DKIM.value("header.d") == "example.org"
    assert DKIM.value("header.s") is None


def test_a_verdict_is_found_by_its_method() -> None:
    assert find((Verdict("spf", "none"), DKIM), "dkim") is DKIM
    assert find((DKIM,), "arc") is None
