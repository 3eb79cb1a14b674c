"""`byleave help`: error codes, reasons, exit codes, environment; all offline."""

from __future__ import annotations

from difflib import get_close_matches
from textwrap import wrap

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
TOPICS = {
    "exit-codes": "what each exit code means",
    "reasons": "why a row was not kept",
    "errors": "every error code",
    "environment": "variables that commands read",
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
    if topic is None and not as_json:
        click.echo(ctx.parent.get_help() if ctx.parent else "")
        return
    found = TOPICS if topic is None else _topic(topic)
    if found is None:
        near = get_close_matches(str(topic), [*CODES, *_reasons(), "exit-codes", "reasons"], n=1)
        raise InputError(
            f"no topic {str(topic)[:60]!r}",
            code="cli.usage",
            hint=f"did you mean {near[0]}?" if near else "exit-codes, reasons, errors, environment",
        )
    width = max(map(len, found))
    emit(
        {"topic": topic, "entries": found},
        schema="byleave/help/v1",
        as_json=as_json,
        lines=lambda: [line for key, text in found.items() for line in _lines(key, text, width)],
    )


def _lines(key: str, text: str, width: int) -> list[str]:
    """Return `key  text`, the text in a column that ends at 80."""
    column = 4 + width
    shown = wrap(text, max(80 - column, 30))
    return [f"  {key:<{width}}  {shown[0]}", *(" " * column + line for line in shown[1:])]


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
