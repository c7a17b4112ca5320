"""How a client reached us: proxies are believed when they are configured, and nobody else is (RFC 7239)."""

import pytest

from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request

PROXY, CLIENT = "10.0.0.1", "198.51.100.7"
TRUSTED = ("10.0.0.0/8", "fd00::/8")


def request(peer: str | None = PROXY, *, host: str = "inside:8080", **headers: str) -> Request:
    given = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value]
    client = (peer, 4000) if peer else None
    return Request({"method": "GET", "path": "/", "headers": raw, "scheme": "http", "client": client}, None)  # type: ignore[arg-type]


def seen(made: Request, trusted: tuple[str, ...] = TRUSTED, public: str | None = None) -> tuple[str, str]:
    forwarding = Forwarding(public, trusted)
    return forwarding.address(made), forwarding.base_url(made)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (PROXY, "http://inside:8080")),
        ({"forwarded": f"for={CLIENT};proto=https;host=mail.example.org"}, (CLIENT, "https://mail.example.org")),
        ({"forwarded": f'for="{CLIENT}:47011";host="mail.example.org:8443"'}, (CLIENT, "http://mail.example.org:8443")),
        ({"forwarded": 'For="[2001:db8::17]:4711";Proto=HTTPS'}, ("2001:db8::17", "https://inside:8080")),
        ({"forwarded": "for=unknown;proto=https"}, (PROXY, "https://inside:8080")),
        (
            {"x_forwarded_for": CLIENT, "x_forwarded_proto": "https", "x_forwarded_host": "m.example"},
            (CLIENT, "https://m.example"),
        ),
        (
            {"x_forwarded_proto": "https", "x_forwarded_host": "m.example", "x_forwarded_port": "8443"},
            (PROXY, "https://m.example:8443"),
        ),
        (
            {"x_forwarded_proto": "https", "x_forwarded_host": "m.example", "x_forwarded_port": "443"},
            (PROXY, "https://m.example"),
        ),
        ({"x_forwarded_host": "m.example:99", "x_forwarded_port": "8443"}, (PROXY, "http://m.example:99")),
        ({"x_forwarded_proto": "gopher"}, (PROXY, "http://inside:8080")),
        ({"x_forwarded_for": f"{CLIENT}, 10.0.0.9"}, (CLIENT, "http://inside:8080")),
    ],
)
def test_a_trusted_proxy_is_believed(headers: dict[str, str], expected: tuple[str, str]) -> None:
    assert seen(request(**headers)) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"forwarded": "for=1.2.3.4;proto=https;host=evil.example"},
        {"x_forwarded_for": "1.2.3.4", "x_forwarded_proto": "https", "x_forwarded_host": "evil.example"},
    ],
)
def test_a_stranger_is_not_believed(headers: dict[str, str]) -> None:
    assert seen(request(CLIENT, **headers)) == (CLIENT, "http://inside:8080")
    assert seen(request(PROXY, **headers), trusted=()) == (PROXY, "http://inside:8080")


def test_what_a_client_makes_up_before_the_proxy_is_not_believed() -> None:
    made_up = "for=1.2.3.4;host=evil.example;proto=https"
    assert seen(request(forwarded=f"{made_up}, for={CLIENT};host=good.example")) == (CLIENT, "http://good.example")
    assert seen(request(x_forwarded_for=f"1.2.3.4, {CLIENT}"))[0] == CLIENT


def test_several_proxies_of_ours_are_walked_through() -> None:
    chain = f"for=1.2.3.4, for={CLIENT};host=mail.example.org;proto=https, for=10.0.0.2, for=10.0.0.3"
    assert seen(request(forwarded=chain)) == (CLIENT, "https://mail.example.org")


def test_a_proxy_on_a_unix_socket_is_trusted_by_the_word_unix() -> None:
    made = request(None, x_forwarded_for=CLIENT)
    assert seen(made, trusted=("unix",))[0] == CLIENT
    assert seen(made)[0] == ""


def test_an_address_of_version_4_in_version_6_is_the_same_proxy() -> None:
    assert seen(request("::ffff:10.0.0.1", x_forwarded_for=CLIENT))[0] == CLIENT


def test_the_public_url_wins_over_all_headers() -> None:
    made = request(forwarded="host=other.example;proto=http", host="evil.example")
    assert seen(made, public="https://mail.example.org/")[1] == "https://mail.example.org"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "a/b",
        "evil.example/x?",
        "user@host",
        "a:b",
        "a:123456",
        "[::1",
        "ex\xe4mple",
        '"><script>',
        "a..b:1:2",
    ],
)
def test_a_malformed_host_is_refused(host: str) -> None:
    with pytest.raises(Problem) as refused:
        seen(request(CLIENT, host=host))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "mail.example.org", "xn--bcher-kva.example:1"]
)
def test_a_host_with_its_port_is_kept(host: str) -> None:
    assert seen(request(CLIENT, host=host))[1] == f"http://{host}"


def test_two_hosts_are_refused() -> None:
    made = request(CLIENT)
    made.scope["headers"].append((b"host", b"other.example"))
    with pytest.raises(Problem):
        seen(made)
