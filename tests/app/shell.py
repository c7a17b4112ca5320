"""The command line as a test calls it, in its own process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pillarbox.app.cli import main


class Shell:
    """Calls the program on a store."""

    def __init__(self, data: Path, *where: str) -> None:
        """`data` is the store's folder; `where` are the options that say so, if it is not `--data`."""
        self.data = data
        self._where = where or ("--data", str(data))

    def run(self, *words: str, text: str | None = None) -> Result:
        return CliRunner().invoke(main, [*words, *self._where], input=text, env={"PILLARBOX_CONFIG": None})

    def ok(self, *words: str, text: str | None = None) -> str:
        result = self.run(*words, text=text)
        assert result.exit_code == 0, result.output
        return result.output

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))
