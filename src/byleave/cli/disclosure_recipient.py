"""`byleave disclosure` for a recipient: its own folder and keys, and no workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from byleave.cli.output import emit, json_option, table

if TYPE_CHECKING:
    from byleave.errors import ByleaveError
    from byleave.wiring.recipient import RecipientFolder

__all__ = ["RECIPIENT_COMMANDS"]

recipient_option = click.option(
    "--recipient",
    "-r",
    "folder",
    envvar="BYLEAVE_RECIPIENT",
    default="byleave-recipient",
    show_default=True,
    type=click.Path(file_okay=False),
    help="The recipient's folder.",
)


def _opened(folder: str) -> RecipientFolder:
    from byleave.wiring.recipient import RecipientFolder

    return RecipientFolder(Path(folder))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--name", required=True, metavar="RECIPIENT", help="As in the platform's taxonomy.")
@click.option("--trust", required=True, type=click.Path(exists=True, dir_okay=False))
@json_option
def keygen(*, folder: str, name: str, trust: str, as_json: bool) -> None:
    """Make a recipient's folder and keys, and the card to hand to the platform.

    \b
    byleave disclosure keygen acme --name provider.acme --trust trust.policy
    """  # noqa: D301
    from byleave.wiring.recipient import make_recipient

    card = make_recipient(Path(folder), name, Path(trust).read_bytes())
    path = Path(folder) / "card.json"
    emit(
        {"recipient": card.recipient, "age": card.age, "key": card.key.hex(), "card": str(path)},
        schema="byleave/recipient/v1",
        as_json=as_json,
        lines=lambda: [
            f"{card.recipient}: keys in {folder}/keys, for nobody else",
            f"  for the platform   {path}",
        ],
    )


@click.command()
@click.argument("where", metavar="FROM")
@recipient_option
@json_option
def pull(*, where: str, folder: str, as_json: bool) -> None:
    """Fetch packages and orders from a folder or an address. Exit 3: one was not taken on.

    A download that ended early goes on where it ended.

    \b
    byleave disclosure pull outbox -r acme
    byleave disclosure pull http://127.0.0.1:8124 …
    """  # noqa: D301
    mine = _opened(folder)
    pulled = mine.pull(mine.outbox(where))
    refused = [{"name": name, "error": error.code} for name, error in pulled.refused]
    data = {"packages": pulled.packages, "orders": pulled.orders, "refused": refused}

    def lines() -> list[str]:
        shown = [f"  {name}: opened, verified, held" for name in pulled.packages]
        shown += [f"  {name}: rows are recalled" for name in pulled.orders]
        shown += [f"  {n}: not taken on: {e.message} ({e.code})" for n, e in pulled.refused]
        if not shown:
            shown = ["Nothing new."]
        if pulled.packages or pulled.orders:
            word = "obey" if pulled.orders else "acknowledge"
            shown.append(f"  next   byleave disclosure {word}")
        return shown

    emit(data, schema="byleave/pulled/v1", as_json=as_json, lines=lines)
    if pulled.refused:
        click.get_current_context().exit(3)


@click.command()
@click.argument("name", required=False)
@recipient_option
@json_option
def held(*, name: str | None, folder: str, as_json: bool) -> None:
    """List the packages held; with a name, where its rows are. Exit 4: they may not be used.

    \b
    byleave disclosure held -r acme
    byleave disclosure held package-1 -r acme
    """  # noqa: D301
    mine = _opened(folder)
    if name is not None:
        path = str(mine.use(name))
        emit({"path": path}, schema="byleave/held/v1", as_json=as_json, lines=lambda: [path])
        return
    found = mine.held()
    items = [
        {
            "name": h.name,
            "rows": h.rows,
            "recalled": h.recalled,
            "waiting": h.waiting,
            "expires": h.expires,
            "expired": h.expired,
            "passed_on": list(h.passed_on),
            "path": str(h.path),
        }
        for h in found
    ]
    rows = [
        [h.name, h.rows, h.recalled, h.waiting, h.expires or "–", ", ".join(h.passed_on) or "–"]
        for h in found
    ]
    header = ["package", "rows", "deleted", "to delete", "expires", "passed on to"]
    emit(
        {"held": items},
        schema="byleave/held/v1",
        as_json=as_json,
        lines=lambda: table(header, rows) if rows else ["Nothing is held."],
    )


@click.command()
@recipient_option
@json_option
def obey(*, folder: str, as_json: bool) -> None:
    """Delete the rows of every order from the copies held, and sign the answers.

    Exit 3: an order could not be obeyed, and nothing of its package was deleted; the others were.

    \b
    byleave disclosure obey -r acme
    """  # noqa: D301
    mine = _opened(folder)
    failed: list[tuple[str, ByleaveError]] = []
    done = mine.obey(failed)
    signed, waiting = mine.sign_answers()
    refused = [{"order": name, "error": error.code} for name, error in failed]
    data: dict[str, Any] = {
        "obeyed": done,
        "signed": signed,
        "waiting": waiting,
        "refused": refused,
    }

    def lines() -> list[str]:
        shown = [
            f"  {d['order']}: {d['deleted']:,} rows deleted, {d['left']:,} left"
            f" (root {d['before'][:8]} to {d['after'][:8]})"
            for d in done
        ]
        shown += [f"  {n}: not obeyed: {e.message} ({e.code})" for n, e in failed]
        shown += [f"    {e.hint}" for _, e in failed if e.hint]
        shown = shown or ["No order waits."]
        if waiting:
            shown.append("  those it was passed on to have to answer first: disclosure collect")
        elif signed:
            shown.append("  next   byleave disclosure acknowledge TO")
        return shown

    emit(data, schema="byleave/obeyed/v1", as_json=as_json, lines=lines)
    if failed:
        click.get_current_context().exit(3)


@click.command()
@click.argument("where", metavar="TO")
@recipient_option
@json_option
def acknowledge(*, where: str, folder: str, as_json: bool) -> None:
    """Send signed deliveries and answers to a folder or an address. Exit 3: one was refused.

    \b
    byleave disclosure acknowledge outbox -r acme
    """  # noqa: D301
    from byleave.errors import ConflictError

    mine = _opened(folder)
    _, waiting = mine.sign_answers()
    sent = mine.acknowledge(mine.outbox(where))
    items = [{"file": name, "refused": None if e is None else e.code} for name, e in sent]

    def lines() -> list[str]:
        shown = [
            f"  {name}: sent" if e is None else f"  {name}: refused: {e.message} ({e.code})"
            for name, e in sent
        ]
        return shown or ["Nothing to send."]

    emit(
        {"sent": items, "waiting": waiting},
        schema="byleave/acknowledged/v1",
        as_json=as_json,
        lines=lines,
    )
    if any(e is not None for _, e in sent):
        click.get_current_context().exit(3)
    if waiting:
        raise ConflictError(
            "those to whom rows were passed on have not all answered",
            code="disclosure.onward-open",
            where=", ".join(waiting),
            hint="byleave disclosure collect, once they have",
        )


@click.command("pass")
@click.argument("name")
@click.option("--to", "registration", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--expires", help="From when on it may not be used; never later than one's own.")
@recipient_option
@json_option
def pass_on(
    *, name: str, registration: str, expires: str | None, folder: str, as_json: bool
) -> None:
    """Pass a package on to a recipient that the terms name. Exit 4: they do not.

    \b
    byleave disclosure pass package-1 --to logs.registration -r acme
    """  # noqa: D301
    from byleave.ids import parse_instant

    until = None if expires is None else parse_instant(expires)
    out = _opened(folder).pass_on(name, Path(registration).read_bytes(), expires=until)
    emit(
        {"outbox": str(out)},
        schema="byleave/passed-on/v1",
        as_json=as_json,
        lines=lambda: [f"  made up; it lies in {out}"],
    )


@click.command()
@recipient_option
@json_option
def collect(*, folder: str, as_json: bool) -> None:
    """Take the answers of those to whom rows were passed on. Exit 3: one was refused.

    \b
    byleave disclosure collect -r acme
    """  # noqa: D301
    found = _opened(folder).collect()
    items = [{"file": name, "refused": None if e is None else e.code} for name, e in found]

    def lines() -> list[str]:
        shown = [
            f"  {name}: taken" if e is None else f"  {name}: refused: {e.message} ({e.code})"
            for name, e in found
        ]
        return shown or ["Nothing was sent."]

    emit({"collected": items}, schema="byleave/collected/v1", as_json=as_json, lines=lines)
    if any(e is not None for _, e in found):
        click.get_current_context().exit(3)


RECIPIENT_COMMANDS: Final = (keygen, pull, held, obey, acknowledge, pass_on, collect)
