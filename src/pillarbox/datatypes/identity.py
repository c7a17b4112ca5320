"""Identity: an address that the user may send from (RFC 8621 §6)."""

from __future__ import annotations

from collections.abc import Callable

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.address import EmailAddress, split_address
from pillarbox.datatypes.capability import SUBMISSION
from pillarbox.datatypes.declare import CHANGES, GET, SET, DataType, MethodCall, Record, Rules
from pillarbox.datatypes.mark import Immutable, ServerSet
from pillarbox.datatypes.view import Transaction, View

# (view, account, address): whether the account may send as the address; `*@domain` asks for the whole domain.
MaySendAs = Callable[[View, str, str], bool]
_MAX_NAME, _MAX_SIGNATURE, _MAX_ADDRESSES = 1_000, 200_000, 100


class Identity(Record, frozen=True, kw_only=True):
    """An address that the user may send from, or with `*` as its local part, a domain (RFC 8621 §6)."""

    name: str = ""
    email: Immutable[str]
    reply_to: list[EmailAddress] | None = None
    bcc: list[EmailAddress] | None = None
    text_signature: str = ""
    html_signature: str = ""
    may_delete: ServerSet[bool] = True

    def covers(self, address: str) -> bool:
        """Whether the address is the identity's, or in its domain when it has `*` for a local part (RFC 8621 §6)."""
        mine, theirs = split_address(self.email.casefold()), split_address(address.casefold())
        if mine is None or theirs is None:
            return False
        return mine == theirs or (mine[0] == "*" and mine[1] == theirs[1])


def nobody(_view: View, _account: str, _address: str) -> bool:
    """The answer as long as nobody has told the rules how to find out: no."""
    return False


class IdentityRules(Rules[Identity]):
    """An account makes identities of addresses that it may send as; its own address's identity stays."""

    def __init__(self) -> None:
        # Set once, when the server is put together: the directory is on a higher floor.
        self.may_send_as: MaySendAs = nobody

    def check(self, tx: Transaction, account: str, old: Identity | None, new: Identity | None) -> None:
        if new is None:
            return
        if wrong := _wrong_properties(new):
            raise invalid(wrong, f"{', '.join(wrong)}: too long, or not an address")
        if old is not None:
            return
        # Only the server makes identities that cannot be deleted: those of the account's own addresses.
        if new.may_delete and not self.may_send_as(tx, account, new.email):
            raise Fault(Kind.FORBIDDEN_FROM, f"this account may not send as {new.email}")
        if len(tx.ids(IDENTITY, account, tx.limits.max_identities + 1)) >= tx.limits.max_identities:
            raise Fault(Kind.OVER_QUOTA, f"an account has at most {tx.limits.max_identities} identities")

    def may_destroy(self, tx: Transaction, call: MethodCall, old: Identity) -> None:
        # RFC 8621 §6: "Attempts to destroy an Identity with mayDelete: false will be rejected with a standard
        # forbidden SetError."
        if not old.may_delete:
            raise Fault(Kind.FORBIDDEN, "the identity of the account's own address cannot be deleted")


def _wrong_properties(new: Identity) -> list[str]:
    lists = {"replyTo": new.reply_to or [], "bcc": new.bcc or []}
    wrong = [name for name, addresses in lists.items() if len(addresses) > _MAX_ADDRESSES]
    if split_address(new.email) is None:
        wrong.append("email")
    if len(new.name) > _MAX_NAME:
        wrong.append("name")
    texts = {"textSignature": new.text_signature, "htmlSignature": new.html_signature}
    return wrong + [name for name, text in texts.items() if len(text) > _MAX_SIGNATURE]


def default_identity(id: str, email: str, name: str) -> Identity:
    """The identity that an account has from the start."""
    return Identity(id=id, email=email, name=name[:_MAX_NAME], may_delete=False)


RULES = IdentityRules()
IDENTITY = DataType(Identity, letter="i", capability=SUBMISSION, methods=frozenset({GET, CHANGES, SET}), rules=RULES)
