"""The third party: pulls what the network's members let it have, trains on it, gives it back.

    python -m examples.network.provider FOLDER PORT ADDRESS

A process and a folder of its own. It knows the platform by an address, the trust file of its log,
and nothing else. Every few seconds it pulls; where rows are recalled it deletes them, trains again
without them, and signs for it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from byleave.errors import ByleaveError
from byleave.recipient import RecipientFolder

__all__ = ["main", "train", "turn"]

_EVERY: Final = 2.0
_MOST: Final = 200
_STYLE: Final = Path(__file__).parent / "static" / "style.css"
_POLICY: Final = "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'"
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The provider</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>The company that hosts the network's models</h1>
<p class="lead">A third party of its own. It has what members let it have, and no more.</p>
<dl class="facts">
<dt>Holds now</dt><dd>{rows} messages in {packages} packages</dd>
<dt>Gave back</dt><dd>{recalled} messages: recalled, deleted, signed for</dd>
<dt>Its model</dt><dd><code>{model}</code>, made of what it holds now</dd>
</dl>
<h2>What it did</h2>
<ul class="log">{lines}</ul>
</main>
</body>
</html>
"""


def train(files: Iterable[Path]) -> dict[str, int]:
    """Count which word follows which in the texts held: a small model, but one made of the rows."""
    follows: Counter[str] = Counter()
    for file in files:
        for text in pq.read_table(file, columns=["text"])["text"].to_pylist():
            words = str(text).lower().split()
            follows.update(f"{a} {b}" for a, b in pairwise(words))
    return dict(sorted(follows.items(), key=lambda item: (-item[1], item[0]))[:_MOST])


def turn(mine: RecipientFolder, address: str, folder: Path) -> list[str]:
    """Pull, obey, train, answer; return what was done."""
    theirs = mine.outbox(address)
    pulled = mine.pull(theirs)
    done = [f"{name}: pulled, opened, verified" for name in pulled.packages]
    done += [f"{name}: not taken on ({error.code})" for name, error in pulled.refused]
    obeyed = mine.obey()
    done += [f"{one['order']}: {one['deleted']} rows deleted, {one['left']} left" for one in obeyed]
    if pulled.packages or obeyed:
        model = json.dumps(train(held.path for held in mine.held() if held.rows), sort_keys=True)
        (folder / "model.json").write_text(model, "utf-8")
        done.append(f"trained: model {hashlib.sha256(model.encode()).hexdigest()[:12]}")
    mine.sign_answers()
    for name, error in mine.acknowledge(theirs):
        done.append(f"{name}: {'sent' if error is None else error.code}")
    return done


def standing(mine: RecipientFolder, folder: Path) -> dict[str, Any]:
    """Return what is held, and of what the model is made."""
    held = mine.held()
    model = folder / "model.json"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()[:12] if model.exists() else "none yet"
    return {
        "packages": len(held),
        "rows": sum(one.rows for one in held),
        "recalled": sum(one.recalled for one in held),
        "model": digest,
    }


def _serve(port: int, facts: Callable[[], dict[str, Any]], lines: list[str]) -> None:
    class Status(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = facts()
            if self.path == "/state.json":
                body, kind = json.dumps(found | {"lines": lines}).encode(), "application/json"
            elif self.path == "/style.css":
                body, kind = _STYLE.read_bytes(), "text/css"
            else:
                shown = "".join(f"<li>{line}</li>" for line in lines[::-1])
                body, kind = _PAGE.format(**found, lines=shown).encode(), "text/html"
            self.send_response(200)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-security-policy", _POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Status)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main(place: str, port: str, address: str) -> None:
    """Take turns until stopped."""
    folder = Path(place)
    mine = RecipientFolder(folder)
    lines: list[str] = []
    _serve(int(port), lambda: standing(mine, folder), lines)
    while True:
        try:
            lines += turn(mine, address, folder)
        except ByleaveError as error:  # the platform is away, or busy: again in a moment
            said = f"the platform is away ({error.code})"
            lines += [] if lines[-1:] == [said] else [said]
        del lines[:-20]
        threading.Event().wait(_EVERY)


if __name__ == "__main__":
    main(*sys.argv[1:4])
