"""A small git repository of invented texts, as an Open Terms Archive collection keeps them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["Collection", "small_collection"]


class Collection:
    """A versions repository under construction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, date: str | None = None) -> str:
        """Run git in it, at an author date (the committer's is a later day)."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self.folder),
            "GIT_AUTHOR_NAME": "bot",
            "GIT_AUTHOR_EMAIL": "bot@example.org",
            "GIT_COMMITTER_NAME": "bot",
            "GIT_COMMITTER_EMAIL": "bot@example.org",
            "GIT_COMMITTER_DATE": "2030-01-01T00:00:00Z",
        }
        if date is not None:
            environment["GIT_AUTHOR_DATE"] = date
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        return done.stdout

    def record(self, path: str, text: str, *, date: str, subject: str) -> None:
        """Commit one text."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.git("add", "--", path)
        self.git("commit", "-q", "-m", f"{subject}\n\nThis version was recorded", date=date)


FIRST = "Acme Privacy Policy\n===\n\n_Effective January 1, 2024_\n\nWe store your messages.\n"
TECHNICAL = "# Acme Privacy Policy\n\n_Effective January 1, 2024_\n\nWe store your messages.\n"
SILENT = """\
# Acme Privacy Policy

Effective September 18, 2024

We store your messages. We use your data to train AI models.
"""
AHEAD = """\
# Acme Privacy Policy

On November 3, 2025, we are updating this policy.

Effective September 18, 2024

We store your messages. We use your data to train AI models.
"""
NEW = SILENT.replace("September 18, 2024", "November 3, 2025")
OTHER = """\
# European Regional Notice

Effective February 27, 2025

This notice is for members in Europe.
"""
AGREEMENT = "# Acme User Agreement\n\nLast updated: 3 March 2023\n\nBe kind.\n"


def small_collection(folder: Path) -> Collection:
    """Return a collection that holds every trap the importer has to know.

    Old and new subjects, a technical upgrade, a change effective before it was seen, one that was
    announced, a path that becomes another document, a merge, a README, a link, a deleted file,
    a name with a space and a letter that is not ASCII, author dates before the committer's.
    """
    made = Collection(folder)
    made.record("README.md", "about", date="2024-01-01T00:00:00Z", subject="Add readme")
    privacy = "Acme/Privacy Policy.md"
    made.record(
        privacy, FIRST, date="2024-01-05T08:00:00Z", subject="Start tracking Acme Privacy Policy"
    )
    made.record(
        privacy, TECHNICAL, date="2024-02-01T00:32:00Z", subject="Refilter Acme Privacy Policy"
    )
    made.record(
        privacy,
        SILENT,
        date="2024-09-19T02:32:00+02:00",
        subject="Record new changes of Acme Privacy Policy",
    )
    made.record(
        privacy,
        AHEAD,
        date="2025-09-18T12:34:00Z",
        subject="Record new changes of Acme Privacy Policy",
    )
    made.record(
        "Acme/Terms of Service.md",
        AGREEMENT,
        date="2025-09-18T13:00:00Z",
        subject="First record of Acme Terms of Service",
    )
    made.record(
        privacy,
        NEW,
        date="2025-11-04T00:35:00Z",
        subject="Record new changes of Acme Privacy Policy",
    )
    made.record(
        privacy,
        NEW + "\n",
        date="2025-11-05T00:35:00Z",
        subject="Apply technical or declaration upgrade on Acme Privacy Policy",
    )
    made.record(
        privacy,
        OTHER,
        date="2026-02-01T00:32:00Z",
        subject="Record new changes of Acme Privacy Policy",
    )
    made.record(
        "Café Été/Privacy Policy.md",
        "# Café\n\nNous…\n",
        date="2026-02-02T00:00:00Z",
        subject="First record of Café Été Privacy Policy",
    )
    (folder / "Acme" / "Link.md").symlink_to("Privacy Policy.md")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "Update links", date="2026-02-03T00:00:00Z")
    made.git("rm", "-q", "Acme/Link.md")
    made.git("commit", "-q", "-m", "Tidy", date="2026-02-04T00:00:00Z")
    return made
