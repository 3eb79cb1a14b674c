"""What every test may ask for, and how hypothesis searches.

A test whose means are missing is skipped with the reason. Programs that `.ci/run` installs must
be there where `CI=true`: a test that lacks one fails. The real data is not part of the checkout;
where it is absent, tests that need it skip everywhere.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent

# Examples have no deadline, and may be slow to draw: two busy cores and a cold cache say nothing
# about correctness. A test that suppresses another check names `too_slow` too.
settings.register_profile(
    "default",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    parent=settings.get_profile("default"),
    max_examples=2_000,
)
settings.load_profile(os.environ.get("BYLEAVE_HYPOTHESIS", "default"))


# A shell without job control starts its background commands with SIGINT ignored, and so are the
# programs that they start: tests that press Ctrl-C on a program would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI leaves nothing out, and {what}", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that holds the real data sets' folders; use it with the mark `real_data`."""
    folder = Path(os.environ.get("BYLEAVE_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "persuasion-for-good" / "messages.parquet").is_file():
        pytest.skip("the real data sets are neither at $BYLEAVE_DATA nor in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of a real browser; use it with the mark `browser`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    _missing("no Chromium is on the PATH (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for the module; use it with the mark `browser`, and as `tests/browsing.py` says.

    Not one for all: while Playwright is started no other test can run an event loop.
    """
    from tests.browsing import launched  # the environments of the slow engines have no Playwright

    with launched(chromium) as started:
        yield started
