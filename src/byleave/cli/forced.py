"""`--force` and its reason: what is forced is logged with why, before it is done."""

from __future__ import annotations

import click

__all__ = ["because_option", "check_forced", "force_option"]

force_option = click.option(
    "--force", is_flag=True, help="Load it though a withdrawal is past its date in it; logged."
)
because_option = click.option(
    "--because",
    metavar="TEXT",
    default="",
    help="Why, at most 200 characters, nothing personal; needed with --force, logged with it.",
)


def check_forced(*, force: bool, because: str) -> None:
    """Refuse force without a reason, and a reason without force.

    Raises:
        click.UsageError: One stands without the other.
    """
    if force != bool(because.strip()):
        raise click.UsageError(
            "--force needs --because TEXT: it goes into the log"
            if force
            else "--because is the reason of --force"
        )
