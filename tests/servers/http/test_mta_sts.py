"""The policy host of our own domains."""

import pytest

from pillarbox.formats.mta_sts import Mode, Policy, parse_policy
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.mta_sts import StsResource
from pillarbox.services.mta_sts_policy import policy_id
from tests.servers.web_fixture import Web, WebMaker

PATH = "/.well-known/mta-sts.txt"


@pytest.fixture
def web(make_web: WebMaker) -> Web:
    web = make_web()
    resource = StsResource(web.bridge, Forwarding(None, ["10.0.0.1"]), "mail.example.org")
    return make_web(routes=resource.routes())


def set_mode(web: Web, mode: str | None) -> None:
    (domain,) = web.office.records("Domain")
    web.office.update("Domain", domain["id"], {"mtaSts": mode})


def status(web: Web, host: str) -> int:
    return web.ask("GET", PATH, {"host": host}, user=None).status


def test_a_domain_without_a_policy_has_none(web: Web) -> None:
    assert status(web, "mta-sts.example.org") == 404


@pytest.mark.parametrize(
    ("mode", "hosts"), [("enforce", ("mail.example.org",)), ("testing", ("mail.example.org",)), ("none", ())]
)
def test_the_policy_names_this_host(web: Web, mode: str, hosts: tuple[str, ...]) -> None:
    set_mode(web, mode)
    reply = web.ask("GET", PATH, {"host": "mta-sts.example.org"}, user=None)
    assert (reply.status, reply.header("content-type")) == (200, "text/plain; charset=utf-8")
    policy = parse_policy(reply.body)
    assert (policy.mode, policy.mx) == (Mode(mode), hosts)


def test_only_the_policy_host_of_the_domain_has_it(web: Web) -> None:
    set_mode(web, "enforce")
    hosts = [
        "MTA-STS.example.org",
        "mta-sts.example.org:8443",
        "mta-sts.example.net",
        "example.org",
        "mail.example.org",
        "mta-sts.",
    ]
    assert [status(web, host) for host in hosts] == [200, 200, 404, 404, 404, 404]


def test_a_proxy_tells_the_name_and_a_stranger_does_not(web: Web) -> None:
    set_mode(web, "enforce")
    headers = {"host": "localhost", "x-forwarded-for": "192.0.2.9", "x-forwarded-host": "mta-sts.example.org"}
    assert web.ask("GET", PATH, headers, user=None, peer="10.0.0.1").status == 200
    assert web.ask("GET", PATH, headers, user=None, peer="192.0.2.1").status == 404


def test_a_disabled_domain_has_no_policy(web: Web) -> None:
    set_mode(web, "enforce")
    (domain,) = web.office.records("Domain")
    web.office.update("Domain", domain["id"], {"isEnabled": False})
    assert status(web, "mta-sts.example.org") == 404


def test_each_policy_has_an_id_of_its_own() -> None:
    policies = [Policy(mode, (host,), age) for mode in Mode for host in ("a.example", "b.example") for age in (1, 2)]
    ids = {policy_id(policy) for policy in policies}
    assert len(ids) == len(policies)
    assert all(id.isalnum() and len(id) <= 32 for id in ids)
