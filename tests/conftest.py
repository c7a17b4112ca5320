"""Settings of every test run: hypothesis without a clock, and repeatable in CI; and the servers that tests share."""

import os

from hypothesis import settings

from tests.support.engine import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]

settings.register_profile("dev", deadline=None, max_examples=100)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
