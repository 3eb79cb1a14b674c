"""Start a command, and turn every way it can fail into one message and one exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final

import click

from byleave import __version__
from byleave.errors import ByleaveError, ConflictError, WorldError

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    # name: (module:attribute, one sentence for the list)
    "demo": ("byleave.cli.faces:demo", "Replay the year of the case on real messages."),
    "init": ("byleave.cli.workspace:init", "Make an empty workspace."),
    "serve": ("byleave.cli.faces:serve", "Serve the member and public pages of a workspace."),
    "verify": ("byleave.cli.proof:verify", "Check a proof file against a trust file, offline."),
    "fsck": ("byleave.cli.workspace:fsck", "Re-read and re-compute everything a workspace holds."),
    "help": ("byleave.cli.topics:help_topic", "Explain an error code, a reason, exit codes."),
    "policy": (
        "byleave.cli.policy:group",
        "Policy documents: publish, list, show, diff, lint, reconcile.",
    ),
    "notice": ("byleave.cli.policy:notice_group", "Notices: publish, list, token."),
    "consent": (
        "byleave.cli.consent:group",
        "Choices of members: record, show, state, replay, import, export.",
    ),
    "decision": ("byleave.cli.consent:decision_group", "Decisions: explain one, replay a gate."),
    "ruleset": ("byleave.cli.ruleset:group", "What jurisdictions require: show, impact, publish."),
    "signal": ("byleave.cli.signal:group", "Signals such as GPC, taken as a no: record, explain."),
    "contract": ("byleave.cli.contract:group", "Data-set contracts: check, schema."),
    "source": ("byleave.cli.source:group", "Data sets: add, list."),
    "gate": ("byleave.cli.gate:group", "The gate: preview, compare, run, update, emit, replay."),
    "snapshot": (
        "byleave.cli.snapshot:group",
        "Sealed snapshots: seal, list, show, diff, fsck, renew.",
    ),
    "model": ("byleave.cli.model:group", "Models: train, evaluate, list."),
    "release": (
        "byleave.cli.model:release_group",
        "Releases: publish, list, show, suggest, refit.",
    ),
    "withdrawal": (
        "byleave.cli.withdrawal:group",
        "Withdrawals that reach models and packages: plan, run.",
    ),
    "disclosure": (
        "byleave.cli.disclosure:group",
        "Packages for recipients: offer, recall, status, pull, obey, acknowledge.",
    ),
    "proof": ("byleave.cli.proof:group", "Proofs that an outsider can check: make, cease."),
    "directory": (
        "byleave.cli.directory:group",
        "Who is enrolled, once: build, show, prove, check.",
    ),
    "member": (
        "byleave.cli.member:group",
        "Members: enrol, offer, show, receipt, export, link, erase.",
    ),
    "request": (
        "byleave.cli.request:group",
        "What members ask by right, and when it is due: open, list, close.",
    ),
    "log": (
        "byleave.cli.log:group",
        "The transparency log: show, prove, publish, fsck, monitor, witness.",
    ),
    "witness": ("byleave.cli.witness:group", "A witness of others' logs: init, add, show, serve."),
    "access": (
        "byleave.cli.access:group",
        "Who may use the server: token, list, revoke, link, looks, trail, scopes.",
    ),
    "case": ("byleave.cli.case:case", "Cases over the past: run, report, verify, log, purge."),
    "summary": ("byleave.cli.summary:group", "Public statements from the ledgers: make, list."),
}


class LazyCommands(click.Group):
    """Import a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the house, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where one is misspelt."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="byleave %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def cli(*, debug: bool) -> None:
    """Train AI on people's data only as they agreed; let withdrawal reach the models; prove both.

    \b
    First:   byleave gate preview messages.parquet --contract contract.yaml \\
                 --consent consent.csv --use train.generative.replies/messages.direct/platform
    Whole:   byleave demo
    """  # noqa: D301 (click's \b keeps the lines)
    del debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    said = argv[: argv.index("--")] if "--" in argv else argv
    as_json, debug = "--json" in said, "--debug" in said
    if debug:  # wherever it stands: whoever is told to run again with it puts it at the end
        argv = ["--debug", *(word for word in said if word != "--debug"), *argv[len(said) :]]
    try:
        result = cli.main(args=argv, prog_name="byleave", standalone_mode=False)
    except click.ClickException as error:
        return _usage(error, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        stopped = ConflictError(
            "stopped; the workspace is as it was before the command", code="cli.interrupted"
        )
        return _report(stopped, as_json=as_json)
    except ByleaveError as error:
        return _report(error, as_json=as_json, debug=debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        code = "world.disk-full" if full else "world.storage"
        where = None if error.filename is None else str(error.filename)
        wrapped = WorldError(os.strerror(error.errno or 0), code=code, where=where)
        return _report(wrapped, as_json=as_json, debug=debug)
    except Exception as error:  # noqa: BLE001 (the last line of defence; nothing is swallowed)
        fault = WorldError(
            f"a fault in Byleave itself ({type(error).__name__})",
            code="cli.fault",
            hint="run again with --debug and report what it prints",
        )
        return _report(fault, as_json=as_json, debug=debug)
    return result if isinstance(result, int) else 0


def run() -> None:
    """Entry point of the console script: leave with the exit code as soon as all is written.

    The interpreter's own shutdown is skipped: everything is closed and flushed by now, and
    Arrow's idle threads have been seen to abort it ("terminate called without an active
    exception") in about one run of fifty.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _usage(error: click.ClickException, *, as_json: bool) -> int:
    code = 2 if isinstance(error, click.UsageError) else 1
    if as_json:
        _print_json(
            {"code": "cli.usage", "family": "input", "message": error.format_message()}, code
        )
    else:
        context = getattr(error, "ctx", None)
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.format_message(), err=True)
            return 2
        if context is not None:
            click.echo(context.get_usage(), err=True)
        click.echo(f"error[cli.usage]: {error.format_message()}", err=True)
        if context is not None:
            click.echo(f"  more   {context.command_path} --help", err=True)
    return code


def _report(error: ByleaveError, *, as_json: bool, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    if as_json:
        _print_json(error.to_dict(), error.exit_code)
        return error.exit_code
    click.echo(f"error[{error.code}]: {error.message}", err=True)
    for label, text in (("where", error.where), ("hint", error.hint)):
        if text:
            lines = text.splitlines()
            click.echo(f"  {label:<7}{lines[0]}", err=True)
            for line in lines[1:]:
                click.echo(f"         {line}", err=True)
    click.echo(f"  {'more':<7}byleave help {error.code}", err=True)
    return error.exit_code


def _print_json(error: dict[str, Any], code: int) -> None:
    click.echo(json.dumps({"schema": "byleave/error/v1", "exit": code, "error": error}))
