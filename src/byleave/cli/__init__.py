"""The command line: `byleave NOUN VERB`, one module per noun, loaded only when asked for.

Data goes to stdout, talk and progress to stderr. `--json` prints one object with `schema`, on
errors too. Exit codes (DESIGN §13): 0 done or yes, 1 failure, 2 usage or malformed input,
3 evidence does not verify, 4 refused.
"""

from __future__ import annotations

from byleave.cli.main import main

__all__ = ["main"]
