"""Mail that comes in: LMTP, and SMTP without and with the checks of SPF, DKIM, DMARC, ARC and reverse DNS, in turn.

`python -m bench.inbound --mail FOLDER` takes real mail of 6 to 14 kB; without it, the corpus. Each message is signed.
The DNS is answered from zone files. `--source` has Postfix's smtp-source send instead, for comparison with Postfix.
"""

import argparse
import contextlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.client import Job, Pool, Step
from bench.corpus import Corpus
from bench.delivery import transaction
from pillarbox.app.engine import Engine
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, RSA_SHA256, SigningKey, new_key

SOURCE, TO = "/usr/sbin/smtp-source", "sink@example.org"
_KEPT = (b"subject:", b"content-type:", b"content-transfer-encoding:", b"mime-version:", b"to:", b"date:")


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def real_mail(folder: Path) -> list[bytes]:
    """Messages of a folder, of about 10 kB, with the fields that matter to a reader."""
    out = list[bytes]()
    for path in sorted(folder.rglob("*.txt")):
        if len(out) < 200 and 6_000 < path.stat().st_size < 14_000:
            lines = b"\r\n".join(path.read_bytes().replace(b"\0", b"").splitlines())
            head, _, body = lines.partition(b"\r\n\r\n")
            fields = head.replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ").split(b"\r\n")
            kept = [field[:900] for field in fields if field.lower().startswith(_KEPT)]
            out.append(b"\r\n".join([b"From: Xaver <sender@example.net>", *kept]) + b"\r\n\r\n" + body + b"\r\n")
    return out


def signed(texts: list[bytes], folder: Path) -> list[bytes]:
    """The messages with signatures; the zones that answer for them are written."""
    keys = [KeyAtSelector("example.net", kind[:3], SigningKey(new_key(kind))) for kind in (RSA_SHA256, ED25519_SHA256)]
    lines = ["$ORIGIN example.net.", "$TTL 300", "@ SOA ns hostmaster 1 1 1 1 300", '@ TXT "v=spf1 a:mail -all"']
    lines += ["@ MX 10 mail", "mail A 127.0.0.1", 'mail TXT "v=spf1 a -all"', '_dmarc TXT "v=DMARC1; p=reject"']
    for key in keys:
        record = key.key.record()
        quoted = " ".join(f'"{record[at : at + 200]}"' for at in range(0, len(record), 200))
        lines.append(f"{key.selector}._domainkey TXT {quoted}")
    (folder / "zone").write_text("\n".join(lines) + "\n")
    reverse = [
        "$ORIGIN 127.in-addr.arpa.",
        "$TTL 300",
        "@ SOA ns.example.net. x. 1 1 1 1 300",
        "1.0.0 PTR mail.example.net.",
    ]
    (folder / "reverse").write_text("\n".join(reverse) + "\n")
    return [sign(text, keys, int(time.time())) + text for text in texts]


@contextlib.contextmanager
def start(folder: Path, lines: str, workers: int = 1) -> Iterator[int]:
    """A server with these settings, once it is ready; its process id."""
    config = folder / "config.toml"
    config.write_text(
        f'data = "{folder}/data"\nhostname = "mx.example.org"\nworkers = {workers}\n'
        f'[http]\nlisten = ["127.0.0.1:{free_port()}"]\n{lines}'
    )
    command = [sys.executable, "-c", "from pillarbox.app.cli import main; main()", "serve", "-c", str(config)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while b"server.ready" not in (folder / "log").read_bytes():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text())
                time.sleep(0.02)
            yield process.pid
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def serving(folder: Path, *, checks: bool) -> Iterator[tuple[int, int]]:
    """A server; its ports of LMTP and of SMTP."""
    lmtp, smtp = free_port(), free_port()
    lines = (
        f'[lmtp]\nlisten = ["127.0.0.1:{lmtp}"]\n'
        f'[smtp]\nlisten = ["127.0.0.1:{smtp}"]\nauthenticate = {str(checks).lower()}\n'
        f'[dns]\nzone_files = ["{folder}/zone", "{folder}/reverse"]\n'
    )
    with start(folder, lines):
        yield lmtp, smtp


def measure(pool: Pool, port: int, verb: bytes, texts: list[bytes], options: argparse.Namespace) -> float:
    """Messages a second that are acknowledged."""
    hello = (Step(b"", 1), Step(verb + b" mail.example.net\r\n", 1))
    mark = secrets.token_hex(4)
    operations = [
        transaction(b"X-Run: %s-%d\r\n" % (mark.encode(), n) + texts[n % len(texts)], TO)
        for n in range(options.messages)
    ]
    load = pool.do(Job(("127.0.0.1", port), operations, options.connections, hello, count=options.messages))
    if load.errors:
        raise RuntimeError(f"{load.errors} were refused: {load.error_sample}")
    return float(options.messages / load.seconds)


def by_source(port: int, options: argparse.Namespace) -> float:
    """Messages a second that smtp-source gets rid of at a port."""
    began = time.perf_counter()
    size = ["-s", str(options.connections), "-l", "10000", "-m", str(options.messages)]
    names = ["-M", "mail.example.net", "-f", "sender@example.net", "-t", options.to]
    subprocess.run([SOURCE, *size, *names, f"127.0.0.1:{port}"], check=True)
    return float(options.messages / (time.perf_counter() - began))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mail", type=Path, help="a folder of real mail, one message in each .txt")
    parser.add_argument("--source", action="store_true", help="send by Postfix's smtp-source")
    parser.add_argument("--port", type=int, help="with --source: the port of another server, in the same run")
    parser.add_argument("--to", default=TO)
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as name, Pool() as pool:
        folder = Path(name)
        with Engine(folder / "data") as engine:
            engine.create("Domain", {"name": "example.org"})
            engine.create("Account", {"name": TO, "password": secrets.token_hex()})
        plain = real_mail(options.mail) if options.mail else list(Corpus(1).messages(0, 200))
        texts = signed(plain, folder)
        print(f"{len(texts)} messages of {sum(map(len, texts)) // len(texts)} octets on average", flush=True)
        for number in range(options.rounds):
            for checks in (False, True):
                with serving(folder, checks=checks) as (lmtp, smtp):
                    what = "with checks" if checks else "without checks"
                    rows = {} if checks else {"LMTP": (lmtp, b"LHLO")}
                    for row, (port, verb) in {**rows, f"SMTP {what}": (smtp, b"EHLO")}.items():
                        if options.source and verb == b"LHLO":
                            continue
                        rate = by_source(port, options) if options.source else measure(pool, port, verb, texts, options)
                        found.setdefault(row, []).append(rate)
                        print(f"[{number + 1}] {row}: {rate:.0f} messages/s", flush=True)
            if options.source and options.port:
                found.setdefault("the other", []).append(by_source(options.port, options))
                print(f"[{number + 1}] the other: {found['the other'][-1]:.0f} messages/s", flush=True)
    print("medians: " + ", ".join(f"{row} {median(rates):.0f}" for row, rates in found.items()))


if __name__ == "__main__":
    main()
