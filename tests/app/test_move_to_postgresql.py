"""`pillarbox store move` and `restore` with a database on a server, as people type them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pillarbox.app.cli import main
from pillarbox.app.restoring import open_to_fill
from pillarbox.storage.database import StoreError
from pillarbox.storage.unfinished import unfinished
from tests.support.mail_house import message
from tests.support.postgres_server import Server

Run = Callable[..., str]
LARGE = message("Large", "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 5_000)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def call(*words: str, data: str = "data", url: str | None = None, code: int = 0) -> str:
        env = {"PILLARBOX_CONFIG": None, "PILLARBOX_STORAGE_URL": url}
        found = CliRunner().invoke(main, [*words, "--data", str(tmp_path / data)], env=env)
        assert found.exit_code == code, found.output + repr(found.exception)
        return found.output

    return call


@pytest.fixture
def filled(tmp_path: Path, run: Run) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "0.eml").write_bytes(LARGE)
    (tmp_path / "mail" / "1.eml").write_bytes(message("Small"))
    run("domain", "add", "example.org")
    run("account", "add", "ann@example.org", "--password", "a secret of hers")
    run("import", str(tmp_path / "mail"), "--account", "ann@example.org", "--into", "Letters")


def secretly(url: str) -> str:
    """The URL with a password, which this server does not ask for."""
    return url.replace("test@", "test:sesame@")


@pytest.mark.usefixtures("filled")
def test_a_store_moves_to_postgresql_and_back(postgres_url: str, run: Run, tmp_path: Path) -> None:
    url = secretly(postgres_url)
    told = run("store", "move", "--to", url)
    half = run("account", "list", data="node", url=postgres_url, code=3)
    assert "run the same command again" in half
    assert "run the same command again" in run("verify-data", data="node", url=url, code=3)
    assert "sesame" not in told + half
    moved = json.loads(run("store", "move", "--to", url, "--finish", "--json"))
    assert (moved["finished"], moved["differing"], moved["accounts"]) == (True, [], 2)
    assert "ann@example.org" in run("account", "list", data="node", url=url)
    run("verify-data", data="node", url=url)
    refused = run("store", "move", "--to", url, code=3)
    assert "is not empty" in refused
    assert "already" in run("store", "move", "--to", postgres_url, data="node", url=url, code=1)
    assert "sesame" not in refused
    run("store", "move", "--to", str(tmp_path / "back"), "--finish", data="node", url=url)
    assert "ann@example.org" in run("account", "list", data="back")
    assert len(list((tmp_path / "back" / "blobs").glob("??/b*"))) == 1
    run("verify-data", data="back")


@pytest.mark.usefixtures("filled")
def test_two_do_not_fill_one_database_at_once(postgres_url: str, run: Run, tmp_path: Path) -> None:
    run("domain", "add", "example.net", data="other")
    what = "a move that goes on"
    with open_to_fill(postgres_url, tmp_path / "node", what) as (store, end):
        for data in ("data", "other"):
            refused = run("store", "move", "--to", postgres_url, data=data, code=3)
            assert "another restore or move is filling this database" in refused
        assert store.read(lambda view: unfinished(view.db)) == what
        end()
    run("account", "list", data="node", url=postgres_url)


@pytest.mark.usefixtures("filled")
def test_two_do_not_fill_one_directory_at_once(run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "backups")
    run("backup", "--to", place)
    with open_to_fill(None, tmp_path / "target", "a move that goes on") as (_, end):
        for words in (("restore", "--from", place), ("store", "move", "--to", str(tmp_path / "target"))):
            refused = run(*words, data="target" if words[0] == "restore" else "data", code=3)
            assert "another restore or move is filling" in refused
        end()
    assert "is not empty" in run("restore", "--from", place, data="target", code=3)


@pytest.mark.usefixtures("filled")
def test_a_move_whose_process_is_gone_holds_nobody_up(
    postgres: Server, postgres_url: str, run: Run, tmp_path: Path
) -> None:
    with open_to_fill(postgres_url, tmp_path / "gone", "a move") as (_, end):
        postgres.break_connections(postgres_url)
        assert "carried" in run("store", "move", "--to", postgres_url)
        with pytest.raises(StoreError, match="run the same command again"):
            end()
    half = run("account", "list", data="node", url=postgres_url, code=3)
    assert "run the same command again" in half


@pytest.mark.usefixtures("filled")
def test_a_move_of_another_store_begins_where_one_was_broken_off(postgres_url: str, run: Run) -> None:
    run("store", "move", "--to", postgres_url)
    run("domain", "add", "example.net", data="other")
    moved = json.loads(run("store", "move", "--to", postgres_url, "--finish", "--json", data="other"))
    assert moved["accounts"] == 1
    assert "ann@example.org" not in run("account", "list", data="node", url=postgres_url)
    run("verify-data", data="node", url=postgres_url)


@pytest.mark.usefixtures("filled")
def test_a_backup_is_restored_into_an_empty_database_only(postgres_url: str, run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "backups")
    run("backup", "--to", place)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "pillarbox.pid").touch()  # the directory is the node's own, and says nothing of the database
    told = run("restore", "--from", place, data="node", url=secretly(postgres_url))
    assert "PostgreSQL" in told
    assert "sesame" not in told
    assert "ann@example.org" in run("account", "list", data="node", url=postgres_url)
    run("verify-data", data="node", url=postgres_url)
    assert "is not empty" in run("restore", "--from", place, data="node", url=postgres_url, code=3)


def test_a_database_that_a_server_has_begun_to_use_is_not_empty(postgres_url: str, run: Run) -> None:
    run("account", "list", data="node", url=postgres_url)
    run("domain", "add", "example.org")
    assert "is not empty" in run("store", "move", "--to", postgres_url, code=3)


def test_a_place_of_no_known_kind_is_refused_and_not_repeated(run: Run) -> None:
    refused = run("store", "move", "--to", "mysql://user:sesame@host/x", code=1)
    assert "mysql" in refused
    assert "sesame" not in refused
