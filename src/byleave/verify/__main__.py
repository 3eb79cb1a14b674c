"""Check a proof file offline: `python -m byleave.verify PROOF --trust TRUST [--receipt RECEIPT]`.

Exit codes: 0 verified; 2 usage, or a file that cannot be read; 3 not verified, a malformed
proof, receipt or trust file included.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from byleave.canonical import Json
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.evidence.proof_file import MAX_PROOF_BYTES
from byleave.verify.checks import verify
from byleave.verify.show import render

__all__ = ["main", "read_bounded"]

_PROGRAM: Final = (
    "byleave-verify.pyz" if sys.argv[0].endswith(".pyz") else "python -m byleave.verify"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        proof = read_bounded(options.proof)
        trust = read_bounded(options.trust)
        receipt = None if options.receipt is None else read_bounded(options.receipt)
    except ByleaveError as error:
        if options.json:
            _print_json({"schema": "byleave/error/v1", "error": error.to_dict()})
        print(f"error[{error.code}]: {error.where}: {error.message}", file=sys.stderr)
        return error.exit_code
    verdict = verify(proof, trust, receipt)
    if options.json:
        _print_json(verdict.to_dict())
    else:
        print(render(verdict, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    return verdict.exit_code


def read_bounded(path: Path) -> bytes:
    """Return a file's bytes, of `-` those of the standard input; over the limit none is kept.

    Raises:
        InputError: `input.not-found`, no such file, or it cannot be read.
        EvidenceError: `proof.too-large`.
    """
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(MAX_PROOF_BYTES + 1)
            if len(data) <= MAX_PROOF_BYTES:
                return data
            raise _too_large(path)
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size <= MAX_PROOF_BYTES:
                data = stream.read(MAX_PROOF_BYTES + 1)
                if len(data) <= MAX_PROOF_BYTES:  # a pipe states no size
                    return data
    except OSError as error:
        raise InputError(
            f"cannot read: {os.strerror(error.errno or 0)}",
            code="input.not-found",
            where=str(path),
        ) from error
    raise _too_large(path)


def _too_large(path: Path) -> EvidenceError:
    return EvidenceError("the file is over 16 MiB", code="proof.too-large", where=str(path))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Check a Byleave proof file offline.",
        epilog=f"example: {_PROGRAM} my.proof --trust trust.policy --receipt my.receipt",
    )
    parser.add_argument("proof", type=Path, help="the proof file; -: standard input")
    parser.add_argument("--trust", type=Path, required=True, help="the trust file (tlog-policy)")
    parser.add_argument("--receipt", type=Path, help="the member's receipt; presence needs it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _print_json(value: Json) -> None:
    print(json.dumps(value, indent=2, sort_keys=True))


if __name__ == "__main__":
    sys.exit(main())
