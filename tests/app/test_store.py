"""`pillarbox store`, and the settings of a blob store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pillarbox.app.cli import main
from pillarbox.app.config.load import ConfigError, load
from pillarbox.app.config.show import text
from pillarbox.app.engine import Engine
from pillarbox.app.wiring import blobs_of
from pillarbox.storage.blob import blob_id
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.database import StoreError
from tests.support.s3_server import S3Server, s3_server

LARGE = [bytes([n]) * 300_000 for n in range(3)]
URL = "s3://blobs/x?endpoint=https://s3.example.org"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def run(server: S3Server, data: Path, *words: str, **more: str) -> Result:
    env = {"PILLARBOX_BLOBS_KEY_ID": server.key_id, "PILLARBOX_BLOBS_SECRET_KEY": server.secret, **more}
    return CliRunner().invoke(main, [*words, "--data", str(data)], env={"PILLARBOX_CONFIG": None, **env})


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def fill(data: Path) -> None:
    with Engine(data) as engine:
        engine.store.write(lambda tx: tx.add_account("a1"))
        for blob in LARGE:
            engine.store.write(lambda tx, b=blob: tx.put_blob("a1", b, pending=True))  # type: ignore[misc]


def test_blobs_move_to_s3_and_back(server: S3Server, tmp_path: Path) -> None:
    data, url = tmp_path / "data", server.url("moving")
    fill(data)
    there = server.blobs(prefix="moving")
    assert "3 blobs copied, 0 were there, 0 deleted" in ok(run(server, data, "store", "move-blobs", "--to", url))
    there.remove(blob_id(LARGE[0]))
    told = ok(run(server, data, "store", "move-blobs", "--to", url, "--finish"))
    assert "1 blobs copied, 2 were there, 3 deleted" in told
    assert sorted(there.names()) == sorted(blob_id(blob) for blob in LARGE)
    assert FileBlobs(data / "blobs").names() == []
    ok(run(server, data, "verify-data", PILLARBOX_BLOBS_URL=url))
    there.write(blob_id(LARGE[0]), b"?", anew=True)
    assert run(server, data, "verify-data", "--quick", PILLARBOX_BLOBS_URL=url).exit_code == 1
    refused = run(server, data, "store", "move-blobs", "--to", "files", "--finish", PILLARBOX_BLOBS_URL=url)
    assert refused.exit_code == 1
    assert blob_id(LARGE[0]) in refused.output
    there.write(blob_id(LARGE[0]), LARGE[0], anew=True)
    ok(run(server, data, "store", "move-blobs", "--to", "files", "--finish", PILLARBOX_BLOBS_URL=url))
    assert there.names() == []
    ok(run(server, data, "verify-data"))


def test_what_is_damaged_is_told_and_not_copied(server: S3Server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fill(data)
    path = FileBlobs(data / "blobs").path(blob_id(LARGE[1]))
    path.write_bytes(b"?" + LARGE[1][1:])
    result = run(server, data, "store", "move-blobs", "--to", server.url("damaged"), "--finish")
    assert result.exit_code == 1
    assert blob_id(LARGE[1]) in result.output
    assert len(server.blobs(prefix="damaged").names()) == 2
    assert len(FileBlobs(data / "blobs").names()) == 3


def test_a_store_with_files_is_not_opened_on_s3(tmp_path: Path) -> None:
    fill(tmp_path)
    settings = load(None, {"PILLARBOX_BLOBS_URL": URL}, {"data": str(tmp_path)}).settings
    with pytest.raises(StoreError, match="move-blobs"):
        blobs_of(settings)


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.example.org/bucket",
        "s3://",
        "s3://key:sesame@bucket",
        "s3://bucket?secret_key=sesame",
        "s3://bucket?endpoint=ftp://x",
        "s3://bucket?endpoint=https://key:sesame@x",
        "s3://bucket?style=other",
        "s3://bucket/a//b",
        "s3://bucket/../b",
        "s3://bucket#sesame",
    ],
)
def test_a_url_that_is_none_or_holds_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {"PILLARBOX_BLOBS_URL": url})
    assert "blobs.url" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_the_secret_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n")
    environment = {"PILLARBOX_BLOBS_URL": URL, "PILLARBOX_BLOBS_SECRET_KEY_FILE": str(tmp_path / "secret")}
    loaded = load(None, environment)
    assert loaded.settings.blobs.secret_key == "open sesame"
    assert "sesame" not in text(loaded)
    assert "sesame" not in repr(blobs_of(loaded.settings))
