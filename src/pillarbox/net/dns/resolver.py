"""The one resolver: questions are answered from memory, from zone files, or by the servers that the settings name.

Equal questions that are under way are one. Whatever goes wrong is an answer, FAILED, and everything has an end.
Sections: RFC 1035 §7; RFC 2308 §7 (failures are remembered for a moment); RFC 4035 §4.9.3.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from pillarbox.core.dns import Answer, Lookup, Question, Status
from pillarbox.net.dns import observed
from pillarbox.net.dns.cache import Cache
from pillarbox.net.dns.exchange import NoAnswer, ask_server
from pillarbox.net.dns.name import answer_here
from pillarbox.net.dns.packet import make_query, name_of, read_message
from pillarbox.net.dns.settings import DnsSettings, Server, Servers
from pillarbox.net.dns.zone import Zone, Zones

T = TypeVar("T")
_FAILED = Answer(Status.FAILED)
_ROUNDS = 2
_REST_SECONDS = 30.0  # for which a server that was silent is asked last
_MAX_OF_LOOKUP = 300  # questions; the most that one message's SPF, DKIM and DMARC need together is below
_MAX_ZONES = 4  # from one zone file to another by CNAME


class Resolver:
    """Answers questions, and drives what asks them. One for a process; its methods are called on one event loop."""

    def __init__(self, settings: DnsSettings, now: Callable[[], float] = time.monotonic) -> None:
        """`now` gives seconds. Raises ValueError for a server without an address, ZoneError for a zone file."""
        self._settings = settings
        self._servers = Servers(settings)
        self._zones = Zones.load(settings.zone_files)
        self._now = now
        self.cache = Cache(settings.cache_octets, now)
        self._asking: dict[Question, asyncio.Task[Answer]] = {}
        self._room = asyncio.Semaphore(settings.max_questions)
        self._resting: dict[Server, float] = {}

    async def ask(self, question: Question) -> Answer:
        """The answer; FAILED when there is none. Never raises but for being cancelled."""
        known = self._known(question)
        return known if known is not None else await asyncio.shield(self._begin(question))

    async def run(self, lookup: Lookup[T], seconds: float | None = None) -> T:
        """The result of a lookup. After so many seconds, or too many questions, what it asks is answered by FAILED.

        Raises what the lookup raises.
        """
        until = asyncio.get_running_loop().time() + (self._settings.lookup_seconds if seconds is None else seconds)
        left = _MAX_OF_LOOKUP
        try:
            questions = next(lookup)
            while True:
                left -= len(questions)
                answers = await self._answers(questions, until) if left >= 0 else (_FAILED,) * len(questions)
                questions = lookup.send(answers)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            lookup.close()

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answers(self, questions: Sequence[Question], until: float) -> tuple[Answer, ...]:
        known = {question: self._known(question) for question in questions}
        tasks = {question: self._begin(question) for question, answer in known.items() if answer is None}
        if tasks:
            # Who waits in vain leaves the question under way: its answer is of use to the next one.
            await asyncio.wait(tasks.values(), timeout=max(0.0, until - asyncio.get_running_loop().time()))
        return tuple(known[question] or _result(tasks[question]) for question in questions)

    def _known(self, question: Question) -> Answer | None:
        """An answer that takes no waiting."""
        found = self.cache.get(question)
        if found is not None:
            observed.QUESTIONS.add(1, "cached")
            return found
        return answer_here(question)

    def _begin(self, question: Question) -> asyncio.Task[Answer]:
        """The task that asks this; there is one for equal questions."""
        task = self._asking.get(question)
        if task is None:
            task = asyncio.create_task(self._find(question))
            self._asking[question] = task
            task.add_done_callback(lambda _: self._asking.pop(question, None))
        return task

    async def _find(self, question: Question) -> Answer:
        began = self._now()
        observed.WAITING.add(1)
        try:
            async with asyncio.timeout(self._settings.question_seconds), self._room:
                answer = await self._resolve(question)
        except TimeoutError:
            answer = _FAILED
        finally:
            observed.WAITING.add(-1)
        if answer.status is Status.FAILED:
            observed.FAILED.log(name=question.name, type=question.type)
        observed.SECONDS.observe(self._now() - began)
        observed.QUESTIONS.add(1, answer.status.name.lower())
        self.cache.put(question, answer)
        return answer

    async def _resolve(self, question: Question) -> Answer:
        """From zone files as far as they go, and on from there by the network."""
        is_secure, first = True, question.name
        for _ in range(_MAX_ZONES):
            zone = self._zones.zone_of(name_of(question.name))
            found = await self._ask_servers(question) if zone is None else _from_zone(zone, question)
            is_secure = is_secure and found.is_secure
            led = found.canonical_name or question.name
            if zone is None or self._zones.zone_of(name_of(led)) is zone:
                canonical = led if led != first else ""
                return msgspec.structs.replace(found, is_secure=is_secure, canonical_name=canonical)
            question = Question(led, question.type)
            here = answer_here(question)
            if here is not None:
                return msgspec.structs.replace(here, canonical_name=led)
        return _FAILED

    async def _ask_servers(self, question: Question) -> Answer:
        """The first answer of a server. One that is silent is asked once more, after the others."""
        now = self._now()
        servers = sorted(self._servers.now(), key=lambda server: self._resting.get(server, now) > now)
        for _ in range(_ROUNDS):
            for server in list(servers):
                try:
                    async with asyncio.timeout(self._settings.try_seconds):
                        return await ask_server(server, question)
                except NoAnswer:  # it has said that it has none; what does not verify stays so
                    servers.remove(server)
                except OSError as error:
                    self._resting[server] = self._now() + _REST_SECONDS
                    observed.SERVER_SILENT.log(server=server.host, why=str(error) or type(error).__name__)
        return _FAILED


def _from_zone(zone: Zone, question: Question) -> Answer:
    query = make_query(question)
    try:
        found = read_message(query, zone.respond(query), is_trusted=True)
    except ValueError:  # CNAMEs in a circle
        return _FAILED
    return found if isinstance(found, Answer) else _FAILED


def _result(task: asyncio.Task[Answer]) -> Answer:
    """What a task has found; FAILED when it has not ended, or was ended."""
    return task.result() if task.done() and not task.cancelled() else _FAILED
