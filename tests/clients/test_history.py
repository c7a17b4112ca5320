"""A short history in every test run; longer ones by hand (see tests/clients/history.py)."""

from pathlib import Path

import pytest

from tests.clients.account_copy import _same
from tests.clients.client import Json
from tests.clients.history import live_through
from tools.demo_process import DemoProcess


def test_three_clients_that_only_ask_for_changes_know_what_a_fresh_one_would(tmp_path: Path) -> None:
    with DemoProcess(tmp_path / "data", port_base=0) as demo:
        live_through(demo, steps=200, seed=20261124)


def test_a_copy_that_missed_a_change_is_found_out() -> None:
    fresh: dict[str, Json] = {"a": {"keywords": {"$seen": True}}}
    with pytest.raises(AssertionError, match="known and fresh differ"):
        _same("Email", {"a": {"keywords": {}}}, fresh)
