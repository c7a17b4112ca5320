"""The way to a domain with everything that is to be known of it: the MTA-STS policy, then hosts, addresses and DANE."""

from __future__ import annotations

from collections.abc import Collection

from pillarbox.net.dns.lazy import Resolves
from pillarbox.services.transport_policy import TransportPolicy, policy_for
from pillarbox.services.transport_requirement import Demand
from pillarbox.workers.mta_sts import Found, StsPolicies


class Transports:
    """Asks for ways to domains. One for a process."""

    def __init__(self, resolver: Resolves, policies: StsPolicies | None, own_names: Collection[str] = ()) -> None:
        """`policies` None: MTA-STS is not looked at. `own_names` are this server's, to which nothing is sent."""
        self._resolver, self._policies, self._own = resolver, policies, frozenset(own_names)

    async def find(self, domain: str, demand: Demand = Demand.USUAL) -> tuple[TransportPolicy, Found]:
        """The way to a domain (A-labels, lower case), and what was found of MTA-STS, for reports.

        Never raises for what others do: what cannot be found out is FAILED, and tried later.
        """
        found = Found()
        if self._policies is not None and demand is not Demand.ANY:
            found = await self._policies.find(domain)
        lookup = policy_for(domain, found.policy, demand=demand, own_names=self._own)
        return await self._resolver.run(lookup), found

    async def close(self) -> None:
        """End what is under way."""
        if self._policies is not None:
            await self._policies.close()
