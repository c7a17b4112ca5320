"""Which hosts a message is to be tried at, in order: those of the recipient's domain, or the one that a route names.

Whoever owns a domain says where its mail goes, and whoever writes to us where a bounce goes: neither may have us
connect to what only this machine and its network can reach. What an administrator has named as a route is not asked.
RFC 5321 §5.1, RFC 7505 §3 (null MX), RFC 3463, RFC 6890.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from pillarbox.core.dns import Question, Status
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.smtp_login import Login
from pillarbox.services.route import Way as Route
from pillarbox.services.transport_host import Host
from pillarbox.services.transport_policy import TransportPolicy, Way
from pillarbox.services.transport_requirement import Level, Requirement
from pillarbox.wire.smtp_client.reply import Reply

_NO_WAY = {
    Way.NULL_MX: Reply(556, ("5.1.10 the domain takes no mail (null MX)",)),
    Way.NO_DOMAIN: Reply(550, ("5.1.2 there is no such domain",)),
    Way.NO_HOST: Reply(550, ("5.4.4 no mail server of the domain has an address",)),
    Way.OURS: Reply(554, ("5.4.6 the domain's MX is this server, which does not know the domain: mail would loop",)),
    Way.FAILED: Reply(451, ("4.4.3 the DNS does not say at the moment where mail for the domain goes",)),
}


_NOT_PUBLIC = Reply(550, ("5.4.4 the address of the domain's mail server is none of the public Internet",))


@dataclass(frozen=True, slots=True)
class Target:
    """One server to try, by any of its addresses. `policy_domain` is whose policy its requirement is."""

    name: str
    addresses: tuple[str, ...]
    port: int
    requirement: Requirement
    policy_domain: str = ""
    is_lmtp: bool = False
    is_tls_first: bool = False
    login: Login | None = None
    failure: str = ""  # why it must not be used now


def domain_targets(policy: TransportPolicy, port: int, allowed: AddressPolicy) -> list[Target] | Reply:
    """The hosts of a domain with the addresses that are `allowed`; a reply of our own when there are none."""
    # Hosts that must not be used are told one by one: what is wrong with them is worth knowing.
    if policy.way is not Way.OPEN and not (policy.way is Way.FAILED and policy.hosts):
        return _NO_WAY[policy.way]
    targets = [_target(host, policy.domain, port, allowed) for host in policy.hosts]
    return [target for target in targets if target.addresses or target.failure] or _NOT_PUBLIC


def _target(host: Host, domain: str, port: int, allowed: AddressPolicy) -> Target:
    failure = host.failure.value if host.failure is not None else ""
    addresses = tuple(address for address in host.addresses if allowed.is_allowed(address))
    return Target(host.name, addresses, port, host.requirement, domain, failure=failure)


async def route_targets(route: Route, resolver: Resolves) -> list[Target] | Reply:
    """The server that a route names. With a password, its certificate has to be good; else as an MX's."""
    is_lmtp = route.protocol == "lmtp"
    if route.host.startswith("/"):
        return [Target(route.host, (route.host,), 0, Requirement(), is_lmtp=True)]
    addresses = await _addresses(route.host, resolver)
    if not addresses:
        return Reply(451, (f"4.4.3 the route's server {route.host} has no address at the moment",))
    login = Login(route.user, route.password) if route.user else None
    is_safe = login is not None or route.protocol == "smtps"
    requirement = Requirement(Level.WEBPKI if is_safe else Level.OPPORTUNISTIC, (route.host,))
    first = route.protocol == "smtps"
    return [Target(route.host, addresses, route.port, requirement, is_lmtp=is_lmtp, is_tls_first=first, login=login)]


async def _addresses(host: str, resolver: Resolves) -> tuple[str, ...]:
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        pass
    if host == "localhost":
        return ("127.0.0.1",)
    found = [await resolver.ask(Question(host, type)) for type in ("AAAA", "A")]
    return tuple(text for answer in found if answer.status is Status.FOUND for text in answer.texts())


def literal_target(domain: str, port: int, allowed: AddressPolicy) -> list[Target] | Reply:
    """The server at an address literal such as [192.0.2.1] (RFC 5321 §4.1.3)."""
    text = domain.strip("[]").removeprefix("IPv6:").removeprefix("ipv6:")
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        return Reply(550, ("5.1.2 the domain is no address",))
    if not allowed.is_allowed(address):
        return _NOT_PUBLIC
    return [Target(domain, (address,), port, Requirement())]
