"""`pillarbox completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: pillarbox completion bash > ~/.local/share/bash-completion/completions/pillarbox
    zsh:  pillarbox completion zsh > ~/.zfunc/_pillarbox
    fish: pillarbox completion fish > ~/.config/fish/completions/pillarbox.fish
    """  # noqa: D301 -- \b is click's mark for lines that are not wrapped
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "pillarbox", "_PILLARBOX_COMPLETE").source())
