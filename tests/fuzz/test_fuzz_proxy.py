from tests.fuzz.fuzz_proxy import main


def test_random_headers_are_read_or_refused() -> None:
    main(5_000, 1)
