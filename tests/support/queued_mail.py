"""What waits in the queue to leave for other servers, for tests that look at it whole."""

from __future__ import annotations

from pillarbox.services.queue import RELAY, Job, job_of
from pillarbox.services.signing import signing_domain
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from tests.directory_fixture import Office

_MOST = 1000


def queued(store: Store) -> list[tuple[Job, bytes]]:
    """The envelope and the octets of all that is due, for each recipient, what is due the longest at first."""

    def body(view: Snapshot) -> list[tuple[Job, bytes]]:
        out = []
        for entry in view.due_entries(RELAY, _MOST):
            data = view.read_blob(entry.account, entry.blob)
            assert data is not None
            out.append((job_of(entry), data))
        return out

    return store.read(body)


def queued_reports(office: Office) -> list[tuple[str, bytes]]:
    """(recipient, message) of what is in the queue: reports alone, which nobody answers, and which are signed."""
    office.clock.forward(seconds=1)
    found = queued(office.store)
    for job, data in found:
        assert (job.mail_from.email, job.origin) == ("", "report")
        assert job.rcpt_to.parameter("NOTIFY") == "NEVER"
        domain = office.store.read(lambda view, data=data: signing_domain(view, data, ""))  # type: ignore[misc]
        assert domain is not None
        assert domain.name == "example.org"
    return sorted((job.rcpt_to.email, data) for job, data in found)
