"""`python examples/network`: the whole example with one command."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.network.start import main

if __name__ == "__main__":
    raise SystemExit(main())
