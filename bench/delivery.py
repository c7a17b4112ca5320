"""Deliveries by LMTP (RFC 2033): filling a box, how many a second, and how soon the mail can be seen."""

import time

from bench.client import Job, Load, Pool, Step, do
from bench.corpus import Corpus
from bench.jmap import NEWEST, Jmap
from bench.target import Target

BATCH = 2000
HELLO = (Step(b"", 1), Step(b"LHLO bench.example.net\r\n", 1))


def transaction(message: bytes, recipient: str) -> tuple[Step, ...]:
    """One delivery: MAIL, RCPT and DATA in one piece (RFC 2920), then the message with its dots doubled."""
    envelope = f"MAIL FROM:<sender@example.net>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"
    stuffed = (b"." if message.startswith(b".") else b"") + message.replace(b"\r\n.", b"\r\n..")
    return Step(envelope.encode(), 3), Step(stuffed + b".\r\n", 1)


def deliveries(target: Target, corpus: Corpus, first: int, count: int, connections: int) -> Job:
    """A job that delivers messages `first` and on of the corpus to its recipient."""
    operations = [transaction(message, corpus.recipient) for message in corpus.messages(first, count)]
    return Job(target.lmtp, operations, connections, HELLO, count=count)


def fill(pool: Pool, target: Target, jmap: Jmap, size: int) -> None:
    """Top the inbox up to `size` messages; of the new ones half become $seen and a tenth $flagged."""
    box, corpus = jmap.mailbox("inbox"), Corpus(recipient=jmap.user.name)
    had = have = jmap.count(box)
    while have < size:
        count = min(BATCH, size - have)
        load = pool.do(deliveries(target, corpus, have, count, 8))
        if load.errors:
            raise RuntimeError(f"{load.errors} deliveries of {count} were refused: {load.error_sample}")
        have += count
    new = list(jmap.email_ids(box, have - had))
    jmap.patch({one: {"keywords/$seen": True} for one in new[::2]})
    jmap.patch({one: {"keywords/$flagged": True} for one in new[::10]})


def make_room(target: Target, sink: Jmap) -> None:
    """Empty the box that takes deliveries, and wait until the server has done with it."""
    sink.empty(sink.mailbox("inbox"))
    target.settle()


def deliver(pool: Pool, target: Target, sink: Jmap, count: int, connections: int) -> Load:
    """Deliver, as fast as the connections allow."""
    seed = time.time_ns()  # Message-IDs that the server has not seen
    return pool.do(deliveries(target, Corpus(seed, sink.user.name), 0, count, connections))


def until_visible(target: Target, sink: Jmap, count: int = 40) -> list[float]:
    """Milliseconds from the start of a delivery until Email/query shows it, for deliveries one by one."""
    inbox = sink.mailbox("inbox")
    query = {"filter": {"inMailbox": inbox}, "sort": NEWEST, "limit": 1, "calculateTotal": True}
    have, found = sink.count(inbox), []
    corpus = Corpus(time.time_ns(), sink.user.name)
    for number in range(count):
        job = deliveries(target, corpus, number, 1, 1)
        load = do(job)
        if load.errors:
            raise RuntimeError(load.error_sample)
        answered = time.perf_counter()
        while sink.call(("Email/query", query))[0]["total"] <= have:
            pass
        have += 1
        found.append(load.latencies[0] + (time.perf_counter() - answered) * 1000)
    return found
