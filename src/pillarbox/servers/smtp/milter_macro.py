"""What filters are told beside the commands: macros, by the names that Sendmail gave them."""

from __future__ import annotations

from pillarbox.servers.smtp.peer import Peer
from pillarbox.wire.smtp.address import Address


def of_connection(peer: Peer, hostname: str) -> dict[str, str]:
    """When somebody connects."""
    return {
        "j": hostname,
        "v": "Pillarbox",
        "daemon_name": peer.kind.value,
        "daemon_addr": peer.local_address,
        "daemon_port": str(peer.local_port),
        "client_addr": peer.address,
        "client_port": str(peer.port),
        "client_name": peer.host_name or "unknown",
        "client_ptr": peer.host_name or "unknown",
        "_": f"{peer.host_name or 'unknown'} [{peer.address}]",
    }


def of_hello(peer: Peer) -> dict[str, str]:
    """When it says who it is: what TLS is about."""
    if peer.tls is None:
        return {}
    return {"tls_version": peer.tls.version, "cipher": peer.tls.cipher, "cipher_bits": str(peer.tls.bits)}


def of_sender(peer: Peer, sender: Address | None) -> dict[str, str]:
    """When a transaction begins: the reverse-path, and who logged in."""
    out = {
        "mail_addr": str(sender) if sender is not None else "",
        "mail_host": sender.domain if sender is not None else "",
        "mail_mailer": "smtp",
    }
    if peer.login:
        out |= {"auth_type": peer.mechanism, "auth_authen": peer.login, "auth_author": ""}
    return out


def of_recipient(recipient: Address) -> dict[str, str]:
    """For each recipient."""
    return {"rcpt_addr": str(recipient), "rcpt_host": recipient.domain, "rcpt_mailer": "local"}


def of_message(id: str) -> dict[str, str]:
    """From DATA on: by which name the log speaks of the message."""
    return {"i": id}
