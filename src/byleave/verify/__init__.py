"""The outsider's program: check a proof file with a trust file, and a receipt where one is needed.

`verify` is pure; `python -m byleave.verify` reads the files it is given. Both need the standard
library and `cryptography`, and nothing of the platform whose evidence they judge.
"""

from __future__ import annotations

from byleave.verify.checks import verify
from byleave.verify.show import render
from byleave.verify.verdict import Check, Verdict

__all__ = ["Check", "Verdict", "render", "verify"]
