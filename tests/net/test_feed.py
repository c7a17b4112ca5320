"""The change feed: who hears what, and when."""

import asyncio

from pillarbox.net.feed import ChangeFeed


def test_changes_gather_until_they_are_fetched() -> None:
    async def main() -> None:
        feed = ChangeFeed()
        heard = feed.subscribe(["a", "b"])
        feed.publish({"a": {"Email": 1, "Thread": 1}, "c": {"Email": 9}})
        feed.publish({"a": {"Email": 2}, "b": {"Mailbox": 3}})
        assert await heard.next(1) == {"a": {"Email": 2, "Thread": 1}, "b": {"Mailbox": 3}}
        assert await heard.next(0.001) == {}

    asyncio.run(main())


def test_who_waits_is_woken() -> None:
    async def main() -> None:
        feed = ChangeFeed()
        heard = feed.subscribe(["a"])
        waiting = asyncio.create_task(heard.next())
        await asyncio.sleep(0)
        feed.publish({"a": {"Email": 1}})
        assert await waiting == {"a": {"Email": 1}}

    asyncio.run(main())


def test_nobody_hears_after_the_end() -> None:
    async def main() -> None:
        feed = ChangeFeed()
        one, two = feed.subscribe(["a"]), feed.subscribe(["a", "b"])
        two.close()
        two.close()
        assert feed.accounts == {"a"}
        feed.publish({"a": {"Email": 1}, "b": {"Email": 1}})
        assert await two.next(0.001) == {}
        assert await one.next(1) == {"a": {"Email": 1}}
        one.close()
        assert feed.accounts == frozenset()

    asyncio.run(main())
