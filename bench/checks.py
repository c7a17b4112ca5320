"""`python -m bench checks`: what each check of mail that comes in costs, in microseconds of this process's processor.

The DNS answers at once, from a table, so that it is our own work alone. The services that hooks ask run in a process
of their own. `--mail FOLDER` takes real mail, one message in each .txt; without it, the corpus.
"""

import argparse
import asyncio
import contextlib
import gc
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median

import uvloop

from bench.check_peers import serve_http, serve_milter
from bench.corpus import Corpus
from bench.inbound import real_mail
from bench.result import markdown
from bench.signed_mail import Ways, signed_ways
from pillarbox.app.wiring import bridge_to, open_store
from pillarbox.core.dns import Answer, Mx, Question, Record, Status, drive
from pillarbox.formats.mailauth.arc import read_chain, verify_chain
from pillarbox.formats.mailauth.author import find_author
from pillarbox.formats.mailauth.dkim import read_signatures, verify_signatures
from pillarbox.formats.mailauth.dmarc import discover, evaluate
from pillarbox.formats.mailauth.iprev import check_iprev
from pillarbox.formats.mailauth.spf import check_helo, check_spf
from pillarbox.formats.message.header_block import read_block
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.milter import MilterAddress
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.servers.smtp.greylist import GreylistStage
from pillarbox.servers.smtp.hook import Hook, HookStage, HookThreads
from pillarbox.servers.smtp.http_hook import HttpHookSettings, HttpHookStage
from pillarbox.servers.smtp.milter import MilterSettings, MilterStage
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.stage import Content, Envelope, Stage
from pillarbox.services.block_list import listed, parse_list
from pillarbox.services.greylisting import Greylisting
from pillarbox.services.mail_authentication import CheckedPeer, authenticate, prepare
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.state import Recipient, Sender

_ADDRESS, _HELO, _FROM, _US = "8.8.4.4", "mail.example.org", "ann@example.org", "mx.example.net"
_SEEN, _STAGES = 20, 300
_LISTS = (parse_list("one.list.test"), parse_list("two.list.test"))
_RECORDS: dict[tuple[str, str], tuple[Record, ...]] = {
    ("4.4.8.8.in-addr.arpa", "PTR"): (_HELO,),
    (_HELO, "A"): (_ADDRESS,),
    (_HELO, "TXT"): (b"v=spf1 a -all",),
    ("example.org", "MX"): (Mx(10, _HELO),),
    ("example.org", "TXT"): (b"v=spf1 ip4:192.0.2.0/24 include:_spf.example.org mx -all",),
    ("_spf.example.org", "TXT"): (b"v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 ?all",),
    ("_dmarc.example.org", "TXT"): (b"v=DMARC1; p=reject; rua=mailto:dmarc@example.org",),
}


class _Nothing(Hook):
    """A hook that is asked about every message and has nothing to say."""

    def message(self, peer: Peer, envelope: Envelope, content: Content) -> None:
        return None


def _checks(ways: Ways) -> dict[str, Callable[[], object]]:
    """What is done once for a message, by the check's name."""

    def answer(question: Question) -> Answer:
        records = _RECORDS.get((question.name, question.type)) or ways.keys.get(question.name)
        return Answer(Status.FOUND, records) if records else Answer(Status.NO_NAME)

    now = ways.now
    peer = CheckedPeer(_ADDRESS, _HELO, _FROM, _US, now)
    spf = drive(check_spf(_ADDRESS, _HELO, _FROM, _US, now), answer)
    dkim = drive(verify_signatures(read_signatures(ways.by_both), now), answer)
    whole = drive(authenticate(prepare(ways.by_both), peer), answer)
    passed = {verdict.method for verdict in whole.verdicts if verdict.result == "pass"}
    if (
        not passed >= {"iprev", "spf", "dkim", "dmarc"}
        or drive(verify_chain(read_chain(ways.sealed)), answer).result != "pass"
    ):
        raise RuntimeError(f"checks do not pass: {whole.verdicts}")

    def verify(message: bytes) -> Callable[[], object]:
        return lambda: drive(verify_signatures(read_signatures(message), now), answer)

    def dmarc() -> object:
        author = find_author(ways.by_both, read_block(ways.by_both, 0, 10_000, 262_144).fields)
        return drive(evaluate(drive(discover(author), answer), spf, dkim), answer)

    return {
        "iprev": lambda: drive(check_iprev(_ADDRESS), answer),
        "SPF of the reverse-path": lambda: drive(check_spf(_ADDRESS, _HELO, _FROM, _US, now), answer),
        "SPF of HELO": lambda: drive(check_helo(_ADDRESS, _HELO, _US, now), answer),
        "DKIM, one signature, RSA-2048": verify(ways.by_rsa),
        "DKIM, one signature, Ed25519": verify(ways.by_ed25519),
        "DKIM, both": verify(ways.by_both),
        "DMARC, after SPF and DKIM": dmarc,
        "ARC of a message without": lambda: read_chain(ways.by_both),
        "ARC, one set, RSA-2048": lambda: drive(verify_chain(read_chain(ways.sealed)), answer),
        "all of these of a message with both signatures": lambda: drive(
            authenticate(prepare(ways.by_both), peer), answer
        ),
        "block lists, two": lambda: drive(listed(_ADDRESS, _LISTS), answer),
    }


def _clock(messages: list[Ways], rounds: int) -> dict[str, float]:
    """The median of the rounds: microseconds for a message."""
    found: dict[str, list[float]] = {}
    all_checks = [_checks(ways) for ways in messages]
    for _ in range(rounds):
        for name in all_checks[0]:
            gc.collect()
            gc.disable()
            began = time.process_time()
            for checks in all_checks:
                checks[name]()
            found.setdefault(name, []).append((time.process_time() - began) / len(messages) * 1e6)
            gc.enable()
    return {name: median(values) for name, values in found.items()}


# --- stages, which wait for somebody


async def _time(stage: Callable[[], Stage], ask: Callable[[Stage, int], Awaitable[object]]) -> float:
    """Microseconds of this process's processor for a connection's stage, after a few to warm up."""
    for n in range(_SEEN):
        one = stage()
        await ask(one, n)
        await one.close()
    began = time.process_time()
    for n in range(_STAGES):
        one = stage()
        await ask(one, _SEEN + n)
        await one.close()
    return (time.process_time() - began) / _STAGES * 1e6


async def _stages(messages: list[Ways], http: int, milter: int, folder: Path) -> dict[str, float]:
    ann, bob = Address("ann", "example.org"), Recipient(Address("bob", "example.net"))
    envelope = Envelope(id="x1", sender=ann, parameters=MailParameters(), recipients=(bob,))
    peer = Peer(id="c1", kind=Kind.INBOUND, address=_ADDRESS, port=4000, helo=_HELO, host_name=_HELO)
    contents = [Content(data=ways.by_both, fields=b"Received: by here\r\n") for ways in messages]
    threads, client = HookThreads(), GuardedClient(AddressPolicy(["127.0.0.1"]))
    service = HttpHookSettings(url=f"http://127.0.0.1:{http}/hook")
    filter = MilterSettings(address=MilterAddress("127.0.0.1", milter), hostname=_US)

    async def message(stage: Stage, n: int) -> None:
        await stage.message(peer, envelope, contents[n % len(contents)])

    async def everything(stage: Stage, n: int) -> None:
        await stage.connect(peer)
        await stage.hello(peer)
        await stage.sender(peer, Sender(ann, MailParameters()))
        await stage.recipient(peer, envelope, bob)
        await message(stage, n)

    async def new(stage: Stage, n: int) -> None:
        await stage.recipient(peer, envelope, Recipient(Address(f"new{n}", "example.net")))

    async def known(stage: Stage, _n: int) -> None:
        await stage.recipient(peer, envelope, bob)

    store = open_store(folder / "data")
    bridge = bridge_to(store)
    at_once = GreylistStage(bridge, Greylisting(delay_ms=0))
    await known(at_once, 0)
    later = GreylistStage(bridge, Greylisting(trusted_after=1_000))
    try:
        return {
            "greylisting, seen before": await _time(lambda: at_once, known),
            "greylisting, seen for the first time (written, synced)": await _time(lambda: later, new),
            "a hook in Python, at the message": await _time(lambda: HookStage(_Nothing(), threads), message),
            "a hook over HTTP, at the message": await _time(lambda: HttpHookStage(service, client), message),
            "a milter, at all stages, connected anew": await _time(lambda: MilterStage(filter), everything),
        }
    finally:
        await bridge.close()
        store.close()


@contextlib.contextmanager
def _peer(serve: Callable[["multiprocessing.Queue[int]"], None]) -> Iterator[int]:
    """Somebody who answers, in a process of its own; its port."""
    said: multiprocessing.Queue[int] = multiprocessing.Queue()
    process = multiprocessing.Process(target=serve, args=(said,), daemon=True)
    process.start()
    try:
        yield said.get(timeout=30)
    finally:
        process.terminate()
        process.join()


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench checks")
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mail", type=Path, help="a folder of real mail, one message in each .txt")
    given = parser.parse_args(arguments)
    texts = real_mail(given.mail) if given.mail else list(Corpus(1).messages(0, given.messages))
    messages = [signed_ways(text) for text in texts[: given.messages]]
    print(f"{len(messages)} messages of {sum(map(len, texts)) // len(texts)} octets on average")
    with _peer(serve_http) as http, _peer(serve_milter) as milter, tempfile.TemporaryDirectory() as folder:
        found = _clock(messages, given.rounds)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found |= runner.run(_stages(messages, http, milter, Path(folder)))
    print(markdown(["check", "us of processor"], [[name, f"{value:.0f}"] for name, value in found.items()]))
    return 0
