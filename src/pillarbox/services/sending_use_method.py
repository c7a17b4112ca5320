"""SendingUse/get and /set: how much accounts have sent, and which are slowed or refused, for administrators.

There is no /changes: the counts change with every message, and their history is nowhere kept.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import View
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result
from pillarbox.services.sending_report import last_act
from pillarbox.services.sending_use import KIND, USE, use_of
from pillarbox.storage import memo


class SendingUse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an account has sent in the hour and the day that run for it. `id` is the account's.

    `slowed_at` and `refused_at` are when that was last done within a day, `..._by` the limit; `leaves_at` is when what
    it sends to other servers leaves, if that is slowed now.
    """

    id: str
    messages_in_hour: int
    recipients_in_hour: int
    hour_ends_at: str
    messages_in_day: int
    recipients_in_day: int
    day_ends_at: str
    leaves_at: str | None
    slowed_at: str | None
    slowed_by: str | None
    refused_at: str | None
    refused_by: str | None


def get(view: Any, call: MethodCall) -> Result:
    """What these accounts have sent; without ids, all that have sent anything in a day."""
    view.take_time()
    counted = memo.accounts(view.db, KIND, USE, view.now_ms)
    wanted = counted if call.arguments["ids"] is None else list(dict.fromkeys(call.arguments["ids"]))
    most = view.limits.max_objects_in_get
    if call.arguments["ids"] is not None and len(wanted) > most:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {most} accounts in one call")
    known = set(counted)
    return {
        "accountId": call.account,
        "state": str(view.now_ms),
        "list": [msgspec.to_builtins(_shown(view, id)) for id in wanted if id in known],
        "notFound": [id for id in wanted if id not in known],
    }


def set_(tx: Any, call: MethodCall) -> Result:
    """Destroy is to forget what an account has sent: it may send again, and mail that waits is not sent sooner."""
    ids = list(dict.fromkeys(call.arguments["destroy"] or ()))
    if call.arguments["create"] or call.arguments["update"]:
        raise Fault(Kind.INVALID_ARGUMENTS, "what was sent cannot be changed, only forgotten: destroy it")
    if len(ids) > tx.limits.max_objects_in_set:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {tx.limits.max_objects_in_set} accounts in one call")
    missing = [id for id in ids if tx.recall(id, KIND, USE) is None]
    for id in ids:
        tx.forget_memos(id, KIND)
    return {
        "accountId": call.account,
        "oldState": str(tx.now_ms),
        "newState": str(tx.now_ms),
        "created": None,
        "updated": None,
        "destroyed": [id for id in ids if id not in missing] or None,
        "notCreated": None,
        "notUpdated": None,
        "notDestroyed": {id: Fault(Kind.NOT_FOUND, "nothing is counted") for id in missing} or None,
    }


def _shown(view: View, account: str) -> SendingUse:
    use = use_of(view, account)
    slowed, refused = last_act(view, account, "slowed"), last_act(view, account, "refused")
    return SendingUse(
        id=account,
        messages_in_hour=use.hour.messages,
        recipients_in_hour=use.hour.recipients,
        hour_ends_at=utc_date(use.hour.until),
        messages_in_day=use.day.messages,
        recipients_in_day=use.day.recipients,
        day_ends_at=utc_date(use.day.until),
        leaves_at=utc_date(use.free_at) if use.free_at > view.now_ms else None,
        slowed_at=utc_date(slowed.at) if slowed is not None else None,
        slowed_by=f"{slowed.most} {slowed.what}" if slowed is not None else None,
        refused_at=utc_date(refused.at) if refused is not None else None,
        refused_by=f"{refused.most} {refused.what}" if refused is not None else None,
    )


METHODS: tuple[Method, ...] = (
    Method("SendingUse/get", ADMIN, {**ACCOUNT_ID, "ids": Argument(list[str] | None, None)}, read=get, directory=True),
    Method(
        "SendingUse/set",
        ADMIN,
        {
            **ACCOUNT_ID,
            "create": Argument(dict[str, dict[str, Any]] | None, None),
            "update": Argument(dict[str, dict[str, Any]] | None, None),
            "destroy": Argument(list[str] | None, None),
        },
        write=set_,
        changes_data=True,
        directory=True,
    ),
)
