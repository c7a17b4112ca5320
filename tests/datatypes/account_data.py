"""Calls of one account on the types of this folder."""

from typing import Any

import msgspec

from pillarbox.core.faults import Fault
from pillarbox.datatypes import capability
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.registry import METHODS
from pillarbox.storage.step import drive
from tests.directory_fixture import Office

USING = (capability.CORE, capability.MAIL, capability.SUBMISSION, capability.VACATION, capability.QUOTA)


def call(office: Office, account: str, name: str, using: tuple[str, ...] = USING, **arguments: Any) -> Any:
    """The answer of one method as a client reads it, refusals left as they are; a Fault is raised."""
    given = (name, {"accountId": account, **arguments}, "0")
    talk = Conversation(METHODS, office.store.limits, office.caller(account), Request(list(using), [given]))
    drive(talk.steps(), office.store.read, office.store.write)
    answer = talk.answers[0][1]
    if isinstance(answer, Fault):
        raise answer
    if "list" in answer:
        answer = {**answer, "list": msgspec.json.decode(msgspec.json.encode(answer["list"]))}
    return answer
