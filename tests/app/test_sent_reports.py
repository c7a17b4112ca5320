"""What comes back about mail that was sent: by SMTP and LMTP into a real server, and out of it by push and JMAP."""

import smtplib
from collections.abc import Mapping
from pathlib import Path

from tests.app.serve_process import ALICE, SECONDS, Server, serving
from tests.clients.client import Client
from tests.support.free_port import free_port
from tests.support.returned_mail import Told, notification, receipt

BOB, CAROL = "bob@two.test", "carol@three.test"


def submit(client: Client, id: str) -> str:
    """Send to both a message that asks for receipts; the submission's id."""
    message = {
        "mailboxIds": {client.mailboxes()["drafts"]["id"]: True},
        "from": [{"email": ALICE[0]}],
        "to": [{"email": BOB}, {"email": CAROL}],
        "messageId": [id],
        "header:Disposition-Notification-To:asAddresses": [{"email": ALICE[0]}],
        "subject": "Plan",
        "bodyValues": {"1": {"value": "Read me."}},
        "textBody": [{"partId": "1", "type": "text/plain"}],
    }
    email = client.set("Email", create={"m": message})["created"]["m"]["id"]
    given = {"emailId": email, "identityId": next(iter(client.get("Identity", None)))}
    return str(client.set("EmailSubmission", create={"s": given})["created"]["s"]["id"])


def state(client: Client) -> str:
    return str(client.call("EmailSubmission/get", ids=[])["state"])


def bring(server: Server, port: int, data: bytes) -> None:
    """Bring mail with the null reverse-path, by SMTP or by LMTP."""
    talk = smtplib.LMTP if port == server.lmtp_port else smtplib.SMTP
    with talk("127.0.0.1", port, timeout=SECONDS) as other:
        other.sendmail("", [ALICE[0]], data)


def test_clients_are_told_what_other_servers_say_of_a_submission(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, f'smtp.listen = ["127.0.0.1:{port}"]') as server:
        url = f"http://127.0.0.1:{server.port}/jmap/session"
        with Client(url, *ALICE) as client, client.events() as events:
            id, other = submit(client, "1@example.org"), submit(client, "2@example.org")
            for by, data in (
                (port, notification("1@example.org", Told(BOB))),
                (server.lmtp_port, receipt("1@example.org", CAROL)),
            ):
                before = state(client)
                bring(server, by, data)
                now = state(client)
                assert client.call("EmailSubmission/changes", sinceState=before)["updated"] == [id]
                states: Mapping[str, str] = {}
                while states.get("EmailSubmission") != now:
                    states = events.wait(client.account, "EmailSubmission", "")
                assert "Email" in states  # told of both at once
            found = client.get("EmailSubmission", [id, other])
            assert found[id]["deliveryStatus"] == {
                BOB: {"smtpReply": "550 5.1.1 no such user", "delivered": "no", "displayed": "unknown"},
                CAROL: {"smtpReply": "250 2.0.0 queued", "delivered": "queued", "displayed": "yes"},
            }
            assert b"message/delivery-status" in client.download(*found[id]["dsnBlobIds"])
            assert b"message/disposition-notification" in client.download(*found[id]["mdnBlobIds"])
            assert {one["delivered"] for one in found[other]["deliveryStatus"].values()} == {"queued"}
            assert (found[other]["dsnBlobIds"], found[other]["mdnBlobIds"]) == ([], [])
