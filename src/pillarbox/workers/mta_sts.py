"""MTA-STS policies of other domains: found, fetched, kept as long as they say, and looked for anew.

A policy that we have is obeyed until it ends, whatever the DNS or the policy host say meanwhile: otherwise whoever
stands between could take it away. Sections: RFC 8461 §3.1, §3.3, §5.1, §10.2.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec

from pillarbox.core.dns import Question
from pillarbox.formats.mta_sts import Policy, StsError, parse_policy, policy_to_bytes, read_record
from pillarbox.formats.tls_result import Result
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.guarded_http import GuardedClient, OutboundError
from pillarbox.net.sts_fetch import fetch_policy
from pillarbox.storage import mta_sts
from pillarbox.storage.mta_sts import Fetched
from pillarbox.workers import observed

_DAY_MS = 86_400_000
_RETRY_MS = 300_000  # RFC 8461 §3.3: five minutes at least between attempts that fail
_LOOK_MS = 60_000  # for which what was read in the store is believed: other processes fetch as well
_MOST = 1_000  # domains that are remembered


class Found(msgspec.Struct, frozen=True):
    """What is known of a domain. `failure`: a policy was announced, and could not be had."""

    policy: Policy | None = None
    failure: Result | None = None


class _Known(msgspec.Struct):
    """What is remembered of a domain; times in milliseconds."""

    fetched: Fetched | None = None
    read_at: int = 0
    failed_at: int = 0
    failure: Result | None = None


class StsPolicies:
    """The policies, one for a process. They are shared by the store."""

    def __init__(self, bridge: Bridge, resolver: Resolves, client: GuardedClient, port: int = 443) -> None:
        """`port`: where policy hosts answer; another one than 443 is for tests."""
        self._bridge, self._resolver, self._client, self._port = bridge, resolver, client, port
        self._clock = bridge.store.clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._looking: dict[str, asyncio.Task[Found]] = {}
        self._fetching: set[asyncio.Task[None]] = set()

    async def find(self, domain: str) -> Found:
        """The policy for mail to a domain (A-labels). Looks that are under way are shared."""
        task = self._looking.get(domain)
        if task is None:
            task = asyncio.create_task(self._find(domain))
            self._looking[domain] = task
            task.add_done_callback(lambda _: self._looking.pop(domain, None))
        return await asyncio.shield(task)

    async def _find(self, domain: str) -> Found:
        known = await self._read(domain)
        answer = await self._resolver.ask(Question(f"_mta-sts.{domain}", "TXT"))
        id = read_record(record for record in answer.records if isinstance(record, bytes))
        now = self._clock.now_ms()
        if id is not None and self._is_due(known, id, now):
            fetch = self._begin(domain, id, known)
            if known.fetched is None or known.fetched.expires_at <= now or known.fetched.id != id:
                await fetch  # otherwise it only lives on, and no mail waits for that
        fetched = known.fetched
        policy = parse_policy(fetched.policy) if fetched is not None and fetched.expires_at > now else None
        return Found(policy, known.failure if id is not None else None)

    def _begin(self, domain: str, id: str, known: _Known) -> asyncio.Task[None]:
        task = asyncio.create_task(self._fetch(domain, id, known))
        known.failed_at = self._clock.now_ms()  # until it has succeeded; nobody else begins meanwhile
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)
        return task

    async def close(self) -> None:
        """End what is under way."""
        tasks = [*self._looking.values(), *self._fetching]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, domain: str) -> _Known:
        known = self._known.setdefault(domain, _Known())
        self._known.move_to_end(domain)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        now = self._clock.now_ms()
        if now - known.read_at >= _LOOK_MS:
            known.fetched = await self._bridge.read(lambda view: mta_sts.find(view.db, domain, now))
            known.read_at = now
        return known

    @staticmethod
    def _is_due(known: _Known, id: str, now: int) -> bool:
        """Whether to fetch: another id than before, none or an old policy, and no attempt that failed just now."""
        if known.failed_at and now - known.failed_at < _RETRY_MS:
            return False
        fetched = known.fetched
        if fetched is None or fetched.expires_at <= now or fetched.id != id:
            return True
        # RFC 8461 §3.3: "SHOULD re-fetch in time", so that a policy that is in use does not end.
        return now - fetched.fetched_at >= min(_DAY_MS, (fetched.expires_at - fetched.fetched_at) // 2)

    async def _fetch(self, domain: str, id: str, known: _Known) -> None:
        try:
            policy = await fetch_policy(self._client, domain, self._port)
        except (OutboundError, StsError) as error:
            known.failure = Result.STS_INVALID if isinstance(error, StsError) else Result.STS_FETCH_ERROR
            observed.STS_FAILED.log(domain=domain, why=str(error))
            return
        now = self._clock.now_ms()
        fetched = Fetched(id, policy_to_bytes(policy), now, now + policy.max_age * 1000)
        await self._bridge.write(lambda tx: mta_sts.put(tx.db, domain, fetched))
        known.fetched, known.read_at, known.failed_at, known.failure = fetched, now, 0, None
