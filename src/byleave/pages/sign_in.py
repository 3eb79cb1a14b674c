"""The pages around signing in at the operator's provider."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from byleave.pages.html import render
from byleave.pages.view import Help

__all__ = ["failed_page", "offer_page", "signed_out_page"]


def offer_page(
    *,
    base: str,
    roles: Sequence[str],
    after: str,
    whom: Help | None = None,
    language: str = "en",
) -> str:
    """Write the page that offers to sign in.

    Args:
        base: Prefix of every address.
        roles: In which one can.
        after: Path of the page to see then; empty: the role's first.
        whom: Whom to turn to; None: not known here.
        language: Of its sentences.
    """
    more = f"&next={quote(after, safe='/')}" if after else ""
    links = [(role, f"{base}/sign-in/start?as={role}{more}") for role in roles]
    return render(
        "door.html", None, base=base, twin=None, language=language, links=links, help=whom
    )


def failed_page(*, base: str, code: str, whom: Help | None = None, language: str = "en") -> str:
    """Write the page of a sign-in that came to nothing, with its code.

    Args:
        base: Prefix of every address.
        code: What went wrong, `oidc.…`.
        whom: Whom to turn to; None: not known here.
        language: Of its sentences.
    """
    return render("shut.html", None, base=base, twin=None, language=language, code=code, help=whom)


def signed_out_page(
    *, base: str, end: str | None, whom: Help | None = None, language: str = "en"
) -> str:
    """Write the page after signing out.

    Args:
        base: Prefix of every address.
        end: Where to sign out of the provider too; None: it has no such page.
        whom: Whom to turn to; None: not known here.
        language: Of its sentences.
    """
    return render("bye.html", None, base=base, twin=None, language=language, end=end, help=whom)
