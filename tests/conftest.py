"""Settings of every test run: hypothesis without a clock, and repeatable in CI; and the servers that tests share."""

import os

from hypothesis import settings

from tests.support.engine import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]

# No test sends anything to anywhere but loopback: servers that tests start keep what is for others, unless they say so.
os.environ.setdefault("PILLARBOX_RELAY_ENABLED", "false")
os.environ.setdefault("PILLARBOX_DNS_SERVERS", "127.0.0.1:9")

settings.register_profile("dev", deadline=None, max_examples=100)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
