"""Finds the fuzz harnesses: modules `fuzz_NAME.py` with `main(rounds, seed)`."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

# Rounds that a harness runs with one seed.
ROUNDS = 200


def names(folder: Path) -> list[str]:
    """The harnesses in a folder, without the prefix."""
    return sorted(path.stem.removeprefix("fuzz_") for path in folder.glob("fuzz_*.py"))


def load(name: str) -> Callable[[int, int], object]:
    """A harness's `main(rounds, seed)`."""
    return cast("Callable[[int, int], object]", importlib.import_module(f"tests.fuzz.fuzz_{name}").main)
