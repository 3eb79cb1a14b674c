"""`byleave help`: error codes, reasons, exit codes, environment; all offline."""

from __future__ import annotations

from difflib import get_close_matches

import click

from byleave.cli.output import emit, json_option
from byleave.errors import CODES, InputError

__all__ = ["EXIT_CODES", "help_topic"]

EXIT_CODES = {
    0: "done, or yes",
    1: "failure: the world, a conflict, a fault",
    2: "usage, or malformed input",
    3: "evidence does not verify (a malformed proof included)",
    4: "understood, and refused",
}
ENVIRONMENT = {
    "BYLEAVE_WORKSPACE": "the workspace that commands use when --workspace is not given",
    "BYLEAVE_DATA": "folder that holds the data sets' folders, for the demo",
    "NO_COLOR": "never colour",
}


@click.command("help")
@click.argument("topic", required=False)
@json_option
@click.pass_context
def help_topic(ctx: click.Context, *, topic: str | None, as_json: bool) -> None:
    """Explain an error code, a reason, `exit-codes`, `reasons`, `errors` or `environment`.

    \b
    byleave help party-vetoed
    byleave help workspace.damaged
    byleave help exit-codes
    """  # noqa: D301
    if topic is None:
        click.echo(ctx.parent.get_help() if ctx.parent else "")
        return
    found = _topic(topic)
    if found is None:
        near = get_close_matches(topic, [*CODES, *_reasons(), "exit-codes", "reasons"], n=1)
        raise InputError(
            f"no topic {topic[:60]!r}",
            code="cli.usage",
            hint=f"did you mean {near[0]}?" if near else "exit-codes, reasons, errors, environment",
        )
    width = max(map(len, found))
    emit(
        {"topic": topic, "entries": found},
        schema="byleave/help/v1",
        as_json=as_json,
        lines=lambda: [f"  {key:<{width}}  {text}" for key, text in found.items()],
    )


def _topic(topic: str) -> dict[str, str] | None:
    if topic in CODES:
        return {topic: CODES[topic]}
    reasons = _reasons()
    if topic in reasons:
        return {topic: reasons[topic]}
    return {
        "exit-codes": {str(code): text for code, text in EXIT_CODES.items()},
        "reasons": reasons,
        "errors": dict(sorted(CODES.items())),
        "environment": ENVIRONMENT,
    }.get(topic)


def _reasons() -> dict[str, str]:
    from byleave.consent.reason import MEANINGS

    return {reason.word: text for reason, text in MEANINGS.items()}
