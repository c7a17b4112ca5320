"""Logins beside a store, and an exchange with them in a line; accounts made afterwards have keys for SCRAM."""

from __future__ import annotations

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.scram_secret import ensure_scram_secret
from pillarbox.datatypes.capability import MAIL
from pillarbox.services.authentication import Authentication
from pillarbox.services.login import Channel, LoggedIn, Logins, Policy
from pillarbox.wire.sasl.client import Client
from pillarbox.wire.sasl.scram_client import Bound, scram_sha_256
from pillarbox.wire.sasl.step import Challenge
from tests.directory_fixture import PASSWORD, Office

SECURE = Channel("192.0.2.1", is_encrypted=True)
ALICE = "alice@example.org"
ITERATIONS = 4_096  # few, for the tests' sake


class Desk:
    """Logins beside a store."""

    def __init__(self, office: Office, policy: Policy | None = None) -> None:
        self.office = office
        self.authentication = Authentication(office.clock)
        self.logins = Logins(self.authentication, policy)

    def run(
        self, mechanism: str, *responses: bytes | None, channel: Channel = SECURE, capability: str = MAIL
    ) -> list[Challenge | LoggedIn]:
        """What the server says to each response."""
        exchange = self.logins.begin(mechanism, channel, capability)
        return [self.office.store.read(exchange.respond(response)) for response in responses]

    def enters(self, mechanism: str, *responses: bytes | None, **given: Any) -> LoggedIn:
        end = self.run(mechanism, *responses, **given)[-1]
        assert isinstance(end, LoggedIn)
        return end

    def check(self, logged_in: LoggedIn) -> LoggedIn | None:
        """What has become of a login by now."""
        self.office.store.read(lambda view: self.authentication.look_again(view, logged_in.held))
        return self.logins.check(logged_in)

    def refusal(self, mechanism: str, *responses: bytes | None, **given: Any) -> Kind:
        with pytest.raises(Fault) as refused:
            self.run(mechanism, *responses, **given)
        return refused.value.kind

    def meet(self, mechanism: str, client: Client, channel: Channel = SECURE, capability: str = MAIL) -> LoggedIn:
        """The whole exchange with a client, which has to be content too. Raises as both do."""
        exchange = self.logins.begin(mechanism, channel, capability)
        response = next(client)
        while isinstance(said := self.office.store.read(exchange.respond(response.data)), Challenge):
            response = client.send(said.data)
        assert response.is_complete
        return said

    def scram(self, name: str = ALICE, password: str = PASSWORD, bound: Bound | None = None, **given: Any) -> LoggedIn:
        mechanism = "SCRAM-SHA-256-PLUS" if bound is not None and bound.type else "SCRAM-SHA-256"
        authorization = given.pop("authorization", "")
        return self.meet(mechanism, scram_sha_256(name, password, authorization, bound=bound), **given)

    def scram_refusal(self, *given: Any, **more: Any) -> Kind:
        with pytest.raises(Fault) as refused:
            self.scram(*given, **more)
        return refused.value.kind

    def keep(self) -> None:
        """Do what the housekeeping does with what was learnt of passwords."""
        uses = self.authentication.take_uses()
        self.office.store.write(lambda tx: self.authentication.write_uses(tx, uses))


def turn_scram(office: Office, *, on: bool = True) -> None:
    office.store.write(lambda tx: ensure_scram_secret(tx, is_on=on, iterations=ITERATIONS))


def plain(name: str = ALICE, password: str = PASSWORD, authorization: str = "") -> bytes:
    return f"{authorization}\0{name}\0{password}".encode()


def app_password(office: Office, account: str, **given: Any) -> str:
    made = office.create("AppPassword", office.caller(account), account, label="phone", **given)
    return str(made["secret"])
