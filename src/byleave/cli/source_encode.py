"""`byleave source encode`: features of a frozen encoder, stored with the rows."""

from __future__ import annotations

from pathlib import Path

import click

from byleave.cli.output import emit, json_option

__all__ = ["encode"]


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", default="text", show_default=True, help="The column of texts.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--recipe",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write what a recipe of replies then says.",
)
@click.option(
    "--encoder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of config.json, model.safetensors, tokenizer.json; default: the package's.",
)
@json_option
def encode(
    *,
    data: Path,
    text: str,
    out: Path,
    recipe: Path | None,
    encoder: Path | None,
    as_json: bool,
) -> None:
    """Put a frozen encoder's features beside each text, before the rows come in.

    Each distinct text is read once; training and unlearning never run the encoder.

    \b
    byleave source encode messages.parquet --out encoded.parquet \\
        --recipe encoder.json
    """  # noqa: D301
    from byleave.wiring.encoding import encode_file

    done = encode_file(data, text=text, out=out, recipe=recipe, folder=encoder)
    emit(
        {**done, "file": str(out)},
        schema="byleave/encoded/v1",
        as_json=as_json,
        lines=lambda: [
            f"{out}: {done['rows']:,} rows with {done['numbers']} features each",
            f"  encoder  {done['encoder']}",
        ],
    )
