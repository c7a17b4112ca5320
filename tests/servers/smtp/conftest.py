"""A store with accounts, and certificates; a module that wants another store has its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.net.tls import TlsContexts
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.smtp_server import open_store
from tests.support.certificate_files import CertificateFiles


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return CertificateFiles(tmp_path)


@pytest.fixture
def tls(files: CertificateFiles) -> TlsContexts:
    return files.contexts(files.write("a.pem", "localhost"))
