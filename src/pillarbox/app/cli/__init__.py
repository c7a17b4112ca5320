"""The command line. Each command's module is imported when the command is called, so that `--help` is quick."""

from __future__ import annotations

import importlib

import click

from pillarbox import __version__

# Command -> (module, its name there, a line for `pillarbox --help`). To add a command: its module, and a line here.
COMMANDS = {
    "demo": ("server", "demo", "Run a server on loopback with accounts full of mail, to look around."),
    "serve": ("server", "serve", "Run the server."),
    "domain": ("domain", "domain", "Domains that the server takes mail for."),
    "account": ("account", "account", "Accounts: people who log in, and groups."),
    "dns": ("dns", "dns", "The records that a domain needs in the DNS, and whether they are there."),
    "alias": ("alias", "alias", "Further addresses of accounts."),
    "list": ("mailing_list", "mailing_list", "Mailing lists, their members, and who may post."),
    "queue": ("queue", "queue", "Mail on its way to other servers."),
    "report": ("report", "report", "What other servers report of mail of our domains: who sends as us, and TLS."),
    "suppression": ("suppression", "suppression", "Addresses elsewhere that mail is not sent to."),
    "app-password": ("app_password", "app_password", "Passwords of an account for single programs."),
    "dkim": ("dkim", "dkim", "The keys by which the mail of domains is signed."),
    "push-key": ("push_key", "push_key", "The key by which push services know this server."),
    "srs-key": ("srs_key", "srs_key", "The key that signs reverse-paths of mail that is sent on."),
    "import": ("import_", "import_", "Bring mail from an mbox, a Maildir or an archive into an account."),
    "fetch": ("fetch", "fetch", "Bring mail over from another server, and later what is new there."),
    "export": ("export", "export", "Write the mail of an account to a zip, a Maildir or mbox files."),
    "backup": ("backup", "backup", "Back up the store while it is in use; list, check and thin out backups."),
    "restore": ("restore", "restore_", "Restore a backup: all of it, or what was lost."),
    "health": ("health", "health", "Ask the running server whether it can serve."),
    "verify-data": ("verify", "verify_data", "Check that everything in the store agrees."),
    "store": ("store", "store", "Move the data to another place."),
    "config": ("config", "config", "Show, check and explain the settings."),
    "completion": ("completion", "completion", "Print the script that lets a shell complete commands."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pillarbox")
def main() -> None:
    """A self-hosted mail and collaboration server that speaks JMAP.

    To look around, run `pillarbox demo`. To set up a server: write a configuration (`pillarbox config reference`), add
    a domain and an account, and run `pillarbox serve`.
    """
