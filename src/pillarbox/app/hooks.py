"""The stages that an administrator has added to mail transactions, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from pillarbox.app.config.settings import Settings
from pillarbox.net.guarded_http import GuardedClient, Refused
from pillarbox.net.milter import parse_milter_address
from pillarbox.servers.smtp.hook import HookError, load_hooks
from pillarbox.servers.smtp.http_hook import HttpHookSettings, HttpHookStage
from pillarbox.servers.smtp.milter import MilterSettings, MilterStage
from pillarbox.servers.smtp.patience import Patience, PatientStage
from pillarbox.servers.smtp.stage import Stage

_MESSAGE_FACTOR = 10  # a filter that looks for viruses takes longer over a message than over an address


def hook_stages(settings: Settings, client: GuardedClient) -> list[Callable[[], Stage]]:
    """What makes the stages of one connection, in order: Python, web services, filters. Raises HookError."""
    hooks = settings.hooks
    makers = load_hooks(hooks.python, hooks.seconds, hooks.on_failure)
    return [*makers, *_services(settings, client), *_filters(settings)]


def _services(settings: Settings, client: GuardedClient) -> Iterator[Callable[[], Stage]]:
    hooks = settings.hooks
    for url in hooks.urls:
        try:
            client.check(url)
        except Refused as error:
            raise HookError(f"hooks.urls: {url}: {error}") from None
        service = HttpHookSettings(
            url=url,
            stages=frozenset(hooks.url_stages),
            token=hooks.url_token,
            seconds=hooks.seconds,
            max_message=hooks.url_max_message,
        )
        # The stage keeps to its time by itself; the margin lets it say why it failed.
        patience = Patience(name=url, seconds=hooks.seconds + 1, on_failure=hooks.on_failure)
        yield partial(_service, service, client, patience)


def _service(service: HttpHookSettings, client: GuardedClient, patience: Patience) -> Stage:
    return PatientStage(HttpHookStage(service, client), patience)


def _filters(settings: Settings) -> Iterator[Callable[[], Stage]]:
    hooks = settings.hooks
    for text in hooks.milters:
        try:
            address = parse_milter_address(text)
        except ValueError as error:
            raise HookError(f"hooks.milters: {error}") from None
        yield partial(
            MilterStage,
            MilterSettings(
                address=address,
                hostname=settings.hostname,
                on_failure=hooks.on_failure,
                connect_seconds=min(hooks.seconds, 10.0),
                command_seconds=hooks.seconds,
                message_seconds=hooks.seconds * _MESSAGE_FACTOR,
                max_body=settings.limits.max_size_message,
            ),
        )
