"""The command line of Pillarbox as the documentation's tools see it."""

import importlib.util
from collections.abc import Iterator

import click
from click.testing import CliRunner

# Help is wrapped to this width wherever it is made.
WIDTH = 100


def command() -> click.Command | None:
    """The top command, or None as long as the package has none."""
    if importlib.util.find_spec("pillarbox.app.cli") is None:
        return None
    module = importlib.import_module("pillarbox.app.cli")
    if not isinstance(module.main, click.Command):
        message = "pillarbox.app.cli.main is no click command"
        raise TypeError(message)
    return module.main


def contexts(top: click.Command) -> Iterator[click.Context]:
    """A context for the command and for each below it, in reading order; hidden ones are left out."""
    pending = [new_context(top, None, "pillarbox")]
    while pending:
        context = pending.pop()
        yield context
        below = [new_context(child, context, name) for name, child in children(context)]
        pending += reversed(below)


def children(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """The visible commands directly below one, by name."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        child = group.get_command(context, name)
        if child is not None and not child.hidden:
            yield name, child


def new_context(called: click.Command, parent: click.Context | None, name: str) -> click.Context:
    """A context that formats help to the same width on every terminal."""
    return click.Context(called, parent=parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)


def output(top: click.Command, *arguments: str) -> str:
    """What the program prints when it is called so; raises what the program raised."""
    result = CliRunner().invoke(top, arguments, catch_exceptions=False)
    if result.exit_code:
        message = f"pillarbox {' '.join(arguments)} ended with {result.exit_code}: {result.output}"
        raise RuntimeError(message)
    return result.output
