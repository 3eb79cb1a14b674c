"""`byleave disclosure`: packages for recipients, both sides of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from byleave.cli.disclosure_recipient import RECIPIENT_COMMANDS
from byleave.cli.gate_record import record_lines
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

__all__ = ["group"]


@click.group("disclosure")
def group() -> None:
    """Packages for recipients: offer, recall, status, pull, obey, acknowledge.

    \b
    The platform:   register, offer, recall, status, list, outbox, serve, receive
    A recipient:    keygen, pull, held, obey, acknowledge, pass, collect
    """  # noqa: D301


@group.command()
@click.argument("card", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", type=click.Path(dir_okay=False), help="Write the registration here.")
@workspace_option
@json_option
def register(*, card: str, out: str | None, workspace: str, as_json: bool) -> None:
    """Register the keys of a recipient; packages that waited for them are made up.

    \b
    byleave disclosure register acme/card.json
    """  # noqa: D301
    with opened(workspace) as ws:
        index, found, made = ws.disclosure.register(Path(card).read_bytes())
        if out is not None:
            Path(out).write_bytes(ws.disclosure.registration(found.recipient))
    data = {
        "recipient": found.recipient,
        "key": found.key.hex(),
        "index": index,
        "made_up": made,
        "registration": out,
    }

    def lines() -> list[str]:
        shown = [f"{found.recipient}: registered, log entry {index:,}"]
        shown += [f"  {name}: made up for this key" for name in made]
        if out is not None:
            shown.append(f"  registration, for those who may pass data on to it: {out}")
        return shown

    emit(data, schema="byleave/disclosure-key/v1", as_json=as_json, lines=lines)


@group.command()
@click.argument("source")
@click.option("--use", required=True, metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option("--recall-days", type=click.IntRange(0, 365), default=13, show_default=True)
@click.option("--expires", help="From when on it may not be used, as 2027-01-01.")
@click.option("--only-new", is_flag=True, help="Leave out what the recipient holds already.")
@click.option("--preview", is_flag=True, help="Say what it would hold; store nothing.")
@workspace_option
@json_option
def offer(
    *,
    source: str,
    use: str,
    recall_days: int,
    expires: str | None,
    only_new: bool,
    preview: bool,
    workspace: str,
    as_json: bool,
) -> None:
    """Gate a source for one recipient, record by record, and seal what may go. Exit 4: nothing.

    A recipient holds what was offered to it before for the same purpose, was not called back, and
    has not run out. The lines say how many records are new to it.

    \b
    byleave disclosure offer messages \\
        --use train.generative.replies/messages/provider.acme
    byleave disclosure offer messages --preview \\
        --use train.generative.replies/messages/provider.acme
    """  # noqa: D301
    from byleave.ids import parse_instant

    until = None if expires is None else parse_instant(expires)
    recipient = use.rpartition("/")[2]
    if preview:
        _preview_offer(source, use, workspace=workspace, as_json=as_json)
        return
    with opened(workspace) as ws:
        made = ws.disclosure.offer(
            source, use, recall_days=recall_days, expires=until, only_new=only_new
        )
        registered = ws.disclosure.key_of(recipient) is not None
    waits = (
        f"  made up for the key of {recipient}"
        if registered
        else f"  waits for {recipient} to register a key: byleave disclosure register CARD"
    )
    emit(
        made.document(registered=registered),
        schema="byleave/disclosure/v1",
        as_json=as_json,
        lines=lambda: [
            f"{made.disclosure}: {made.rows:,} records offered",
            *record_lines(made.record.to_dict()),
            _new_line(recipient, made.new, made.repeated, left_out=only_new),
            waits,
        ],
    )


def _preview_offer(source: str, use: str, *, workspace: str, as_json: bool) -> None:
    with opened(workspace, read_only=True) as ws:
        found = ws.disclosure.preview(source, use)
    emit(
        found.document(),
        schema="byleave/disclosure-preview/v1",
        as_json=as_json,
        lines=lambda: [
            "An offer would hold, and nothing is stored:",
            *record_lines(found.record.to_dict()),
            _new_line(use.rpartition("/")[2], found.new, found.repeated),
        ],
    )


def _new_line(recipient: str, new: int, repeated: int, *, left_out: bool = False) -> str:
    what = "left out" if left_out else "--only-new leaves them out"
    again = f"; {repeated:,} it holds already, {what}" if repeated else ""
    return f"  new to {recipient}: {new:,}{again}"


@group.command("list")
@workspace_option
@json_option
def list_disclosures(*, workspace: str, as_json: bool) -> None:
    """List the packages, with what has been recalled.

    \b
    byleave disclosure list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        packages = ws.disclosure.list()
    rows = [
        [p["disclosure"], p["recipient"], p["rows"], len(p["recalled_rows"]), p["index"]]
        for p in packages
    ]
    emit(
        {"disclosures": packages},
        schema="byleave/disclosures/v1",
        as_json=as_json,
        lines=lambda: table(["package", "recipient", "rows", "recalled", "log entry"], rows),
    )


@group.command()
@click.option("--table", "with_table", is_flag=True, help="Print the table of states too.")
@workspace_option
@json_option
def status(*, with_table: bool, workspace: str, as_json: bool) -> None:
    """Show where every package stands, what is recalled, and until when an answer is due.

    \b
    byleave disclosure status --workspace byleave-demo
    """  # noqa: D301
    from byleave.disclosure.lifecycle import TRANSITIONS

    with opened(workspace, read_only=True) as ws:
        found = ws.disclosure.status()
    rows = [
        [
            d["disclosure"],
            d["recipient"],
            d["state"] if d["made_up"] or d["recalls"] else f"{d['state']}, no key",
            d["rows"],
            d["recalled_rows"],
            f"{d['acknowledged']} of {d['recalls']}",
            (d["due"] or "–")[:10],
        ]
        for d in found
    ]
    header = ["package", "recipient", "state", "rows", "recalled", "answered", "due"]

    def lines() -> list[str]:
        shown = table(header, rows) if rows else ["Nothing was offered to anybody."]
        if with_table:
            steps = [[str(s), str(e), str(after)] for (s, e), after in TRANSITIONS.items()]
            shown += ["", *table(["state", "event", "next state"], steps)]
        return shown

    emit(
        {"disclosures": found}, schema="byleave/disclosure-status/v1", as_json=as_json, lines=lines
    )


@group.command()
@click.argument("name", required=False)
@click.option("--days", type=click.IntRange(0, 365), help="Days to answer; default: the terms'.")
@workspace_option
@json_option
def recall(*, name: str | None, days: int | None, workspace: str, as_json: bool) -> None:
    """Recall rows that members no longer allow, in every package; or a whole package by its name.

    \b
    byleave disclosure recall
    byleave disclosure recall package-1 --days 7
    """  # noqa: D301
    with opened(workspace) as ws:
        recalled = ws.disclosure.recall(name, days=days)
        found = {d["disclosure"]: d for d in ws.disclosure.status()}
    items = [
        {key: found[n][key] for key in ("disclosure", "recipient", "state", "recalled_rows", "due")}
        for n in recalled
    ]

    def lines() -> list[str]:
        if not items:
            return ["Nothing to recall: every row out there would pass the gate again."]
        return [
            f"  {i['disclosure']}: {i['recalled_rows']:,} rows recalled from {i['recipient']}"
            + (f", due {i['due'][:10]}" if i["due"] else ": it was never handed over")
            for i in items
        ]

    emit({"recalled": items}, schema="byleave/disclosure-recall/v1", as_json=as_json, lines=lines)


@group.command()
@click.argument("recipient")
@click.option("--to", "folder", required=True, type=click.Path(file_okay=False))
@workspace_option
@json_option
def outbox(*, recipient: str, folder: str, workspace: str, as_json: bool) -> None:
    """Write what lies there for a recipient into a folder: packages, and orders to obey.

    \b
    byleave disclosure outbox provider.acme --to outbox
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        listing = ws.disclosure.lay_out(recipient, Path(folder))
    emit(
        listing,
        schema="byleave/outbox/v1",
        as_json=as_json,
        lines=lambda: [
            f"{folder}: {len(listing['packages'])} packages, {len(listing['orders'])} orders",
            *(f"  {item['name']}" for item in (*listing["packages"], *listing["orders"])),
        ],
    )


@group.command()
@click.argument("places", nargs=-1, type=click.Path(exists=True))
@workspace_option
@json_option
def receive(*, places: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """Take deliveries and answers: from files or folders, and what was sent to `serve`.

    Exit 3 where one is refused; the others are taken.

    \b
    byleave disclosure receive outbox
    """  # noqa: D301
    with opened(workspace) as ws:
        found = ws.disclosure.receive([Path(place) for place in places])
    items: list[dict[str, Any]] = [
        {"file": name, "taken": taken, "refused": None if error is None else error.code}
        for name, taken, error in found
    ]

    def lines() -> list[str]:
        if not found:
            return ["Nothing was sent."]
        return [_taken_line(name, taken, error) for name, taken, error in found]

    emit({"received": items}, schema="byleave/disclosure-received/v1", as_json=as_json, lines=lines)
    if any(error is not None for _, _, error in found):
        click.get_current_context().exit(3)


@group.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8124, show_default=True)
@click.option("--tls-cert", type=click.Path(dir_okay=False), help="PEM certificate: speak TLS.")
@click.option("--tls-key", type=click.Path(dir_okay=False), help="PEM key of the certificate.")
@workspace_option
def serve(
    *, host: str, port: int, workspace: str, tls_cert: str | None, tls_key: str | None
) -> None:
    """Serve packages and orders to registered recipients, and take what they send.

    Every request is signed by a registered key. On a public network give it a certificate, or
    stand it behind a server that has one. What comes while somebody else writes is kept for
    `receive`. `byleave serve` does the same below /api/v1/packages.

    \b
    byleave disclosure serve --port 8124
    """  # noqa: D301
    from byleave.cli.disclosure_http import DisclosureServer
    from byleave.wiring.tls import tls_context

    tls = tls_context(tls_cert, tls_key)
    with DisclosureServer(Path(workspace), host=host, port=port, tls=tls) as server:
        click.echo(f"{server.url}  packages and orders, for registered recipients")
        server.serve_forever()


def _taken_line(name: str, taken: dict[str, Any] | None, error: Any) -> str:  # noqa: ANN401
    short = Path(name).name
    if taken is None:
        return f"  {short}: refused: {error.message} ({error.code})"
    again = " (again)" if taken["again"] else ""
    if taken["what"] == "delivery":
        return f"  {short}: {taken['recipient']} holds {taken['disclosure']}{again}"
    onward = f", {taken['onward']} further recipients too" if taken["onward"] else ""
    return (
        f"  {short}: {taken['recipient']} deleted {taken['deleted']:,} rows of"
        f" {taken['disclosure']}{onward}{again}"
    )


for command in RECIPIENT_COMMANDS:
    group.add_command(command)
