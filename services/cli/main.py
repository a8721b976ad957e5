"""The `leadgate` command. Groups are imported when they are called for, so that `--help` is quick."""

import importlib
import sys
from collections.abc import Sequence

import click

from services.cli.failing import told

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("services.cli.up:up", "Start everything in one process."),
    "ingest": ("services.cli.processes:ingest", "Take leads in by HTTP (port 8081)."),
    "router": ("services.cli.processes:router", "Decide where each lead goes (port 8082)."),
    "desk": ("services.cli.processes:desk", "Serve reps and managers: pull, attempts, outcomes (port 8083)."),
    "worker": ("services.cli.processes:worker", "Do what is due: releases, ended claims, promises (port 8084)."),
    "metrics": ("services.cli.processes:metrics", "Fold events into the funnel's numbers and serve them (port 8085)."),
    "migrate": ("services.cli.store:migrate", "Bring the database's schema up to date."),
    "topics": ("services.cli.store:topics", "Create the event log's topics."),
    "keys": ("services.cli.keys:keys", "Make, list and revoke keys."),
    "policy": ("services.cli.policy:policy", "Check, publish and show the policy."),
    "lead": ("services.cli.lead:lead", "Show a lead: state, timeline, decisions, and why."),
    "privacy": ("services.cli.privacy:privacy", "Show all that is held on a person; forget them."),
    "ledger": ("services.cli.ledger:ledger", "Show that no accepted lead is lost: what came, and where it is."),
    "consumer": ("services.cli.consumer:consumer", "See how far consumers are; let a stopped partition go on."),
    "dlq": ("services.cli.dlq:dlq", "List, show and replay dead letters."),
}

EXAMPLES = """\b
Examples:
  leadgate up --demo                      everything, with example reps and keys
  leadgate keys create --kind form --source web --origin https://example.com \\
      --thank-you https://example.com/thanks
  leadgate policy check policy.yaml       every mistake, with line and remedy
  leadgate lead why ld_4m8s…              why is it where it is?
\b
Environment (flags win):
  DATABASE_URL            a PostgreSQL server; unset: the embedded one, in LEADGATE_DATA_DIR (.leadgate)
  LEADGATE_SECRET         32 bytes in hex, never changed; required with DATABASE_URL: openssl rand -hex 32
  LEADGATE_HOST, _PORT    where a process listens; LEADGATE_PUBLIC_URL: its address as others see it
  LEADGATE_ENRICHMENT_TOKEN  shown as a bearer to the hook that the policy's `enrichment` names
  LEADGATE_LOG_LEVEL      debug, info, warning or error; LEADGATE_LOG_FORMAT: console or json
\b
Exit codes: 0 done · 1 no (mistakes, a stopped partition) · 2 usage or setting · 3 database or port not
available · 4 not found · 5 refused by state · 10 stuck · 70 bug.
"""


class Lazy(click.Group):
    """A group whose commands are imported on first use; its list of them costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in COMMANDS.items()])


@click.group(
    cls=Lazy, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="leadgate", prog_name="leadgate")
def leadgate() -> None:
    """Leadgate, the event-driven lead router: work waits in pools, is released as queues empty, and reps pull.

    Each command has its own --help, with examples; --json where a machine reads.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with the contract's code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        sys.exit(leadgate.main(given, prog_name="leadgate", standalone_mode=False) or 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except (Exception, click.Abort) as error:
        sys.exit(told(error, as_json=as_json))
