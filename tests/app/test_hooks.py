"""The stages that the settings name."""

from __future__ import annotations

import re

import pytest

from pillarbox.app.config.hooks import Hooks
from pillarbox.app.config.settings import Settings
from pillarbox.app.hooks import hook_stages
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.servers.smtp.hook import HookError
from pillarbox.servers.smtp.milter import MilterStage
from pillarbox.servers.smtp.patience import PatientStage

CLIENT = GuardedClient(AddressPolicy())


def test_web_services_come_before_filters() -> None:
    hooks = Hooks(milters=("127.0.0.1:8891", "unix:/run/filter"), urls=("https://checks.example.org/mail",))
    made = [make() for make in hook_stages(Settings(hooks=hooks), CLIENT)]
    assert [type(stage) for stage in made] == [PatientStage, MilterStage, MilterStage]


def test_nobody_is_asked_when_nobody_is_named() -> None:
    assert hook_stages(Settings(), CLIENT) == []


@pytest.mark.parametrize(
    ("hooks", "why"),
    [
        (Hooks(milters=("nowhere",)), "hooks.milters: 'nowhere' is no address of a filter"),
        (Hooks(urls=("http://127.0.0.1/x",)), "hooks.urls: http://127.0.0.1/x: the address is not a public one"),
        (Hooks(python=("unheard-of",)), "hooks.python names unheard-of, which no installed package offers"),
    ],
)
def test_what_cannot_be_asked_is_told_at_the_start(hooks: Hooks, why: str) -> None:
    with pytest.raises(HookError, match=re.escape(why)):
        hook_stages(Settings(hooks=hooks), CLIENT)
