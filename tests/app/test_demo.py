"""The demo as a process: it says where it is, answers, keeps its data, and ends when it is told to."""

import base64
import json
import poplib
import signal
import smtplib
import ssl
import stat
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tools.demo_process import DemoProcess


def ask(demo: DemoProcess, url: str, body: object = None, context: ssl.SSLContext | None = None) -> Any:
    user = demo.ready.users[0]
    token = base64.b64encode(f"{user.name}:{user.password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20, context=context) as answer:  # noqa: S310 -- loopback
        return json.load(answer)


def test_the_demo_serves_sample_mail_keeps_its_data_and_stops_on_sigterm(tmp_path: Path) -> None:
    with DemoProcess(tmp_path / "data") as demo:
        session = ask(demo, demo.ready.session_url)
        account = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]
        assert {a["name"] for a in session["accounts"].values()} == {"alice@example.org", "team@example.org"}
        using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
        calls = [["Email/query", {"accountId": account, "calculateTotal": True}, "0"]]
        answer = ask(demo, session["apiUrl"], {"using": using, "methodCalls": calls})
        assert answer["methodResponses"][0][1]["total"] > 20
        total = answer["methodResponses"][0][1]["total"]
        with smtplib.LMTP(*demo.ready.lmtp) as lmtp:
            lmtp.sendmail("x@example.net", ["alice+demo@example.org"], b"Subject: fresh\r\n\r\nhello\r\n")
        answer = ask(demo, session["apiUrl"], {"using": using, "methodCalls": calls})
        assert answer["methodResponses"][0][1]["total"] == total + 1
        assert (tmp_path / "data" / "pillarbox.pid").read_text().strip() == str(demo.pid)
        second = [*demo.command[:-1], "0"]
        refused = subprocess.run(second, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 -- our own
        assert (refused.returncode, "runs on" in refused.stderr) == (3, True)
        demo._process.send_signal(signal.SIGTERM)
        assert demo._process.wait(20) == 0
    assert not (tmp_path / "data" / "pillarbox.pid").exists()
    with DemoProcess(tmp_path / "data") as demo:
        assert ask(demo, demo.ready.session_url)["primaryAccounts"]["urn:ietf:params:jmap:mail"] == account


def test_the_demo_speaks_tls_by_an_authority_of_its_own_which_stays(tmp_path: Path) -> None:
    shown = set()
    for _ in range(2):
        with DemoProcess(tmp_path / "data") as demo:
            authority = Path(demo.ready.authority)
            context = ssl.create_default_context(cafile=authority)
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            for host in ("127.0.0.1", "localhost"):
                url = demo.ready.https.replace("127.0.0.1", host)
                assert ask(demo, f"{url}/.well-known/jmap", context=context)["apiUrl"].startswith(url)
            shown.add(ssl.get_server_certificate(("127.0.0.1", int(demo.ready.https.rpartition(":")[2]))))
            for secret in ("ca-key.pem", "server.pem"):
                assert stat.S_IMODE(authority.with_name(secret).stat().st_mode) == 0o600
    assert len(shown) == 1


def test_mail_of_the_demo_can_be_fetched_by_pop3(tmp_path: Path) -> None:
    with DemoProcess(tmp_path / "data") as demo:
        user, context = demo.ready.users[0], ssl.create_default_context(cafile=demo.ready.authority)
        client = poplib.POP3_SSL(*demo.ready.pop3s, context=context, timeout=20)
        client.user(user.name)
        client.pass_(user.password)
        count, _ = client.stat()
        assert count > 10
        assert len(client.uidl()[1]) == count
        client.quit()
