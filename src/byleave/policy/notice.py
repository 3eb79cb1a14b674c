"""Notices: the exact bytes, the language and the state of the control when a member was asked.

A notice expands, under the taxonomy of its publication, to the leaf uses it covers; later
additions to the trees are not among them (G2). A use is *shown* where a line of the notice asks
for that use alone. A control that was on before the member acted gives no consent, whatever was
clicked afterwards (G1; GDPR recital 32, CJEU C-673/17 Planet49).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from byleave.canonical import Json, digest_of, sha256
from byleave.errors import InputError, RefusedError
from byleave.ids import Digest, LedgerIndex
from byleave.policy.language import is_language_tag
from byleave.policy.scope import Scope, Use
from byleave.policy.taxonomy import Taxonomy

__all__ = ["Control", "Notice", "choose_notice", "make_notice"]


class Control(StrEnum):
    """The state of the control before the member acted."""

    OFF = "off"
    ON = "on"
    NONE = "none"  # two named buttons, or a form that is signed: nothing is pre-set


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One text shown when asking.

    Attributes:
        id: Id of the notice; one id, one digest.
        sha256: Digest of the exact bytes.
        language: BCP 47 tag.
        control: State of the control before the member acted.
        asks: The scopes it asks for, one per line of the notice.
        uses: Leaf uses it expanded to at publication.
        shown: Those it asks for by themselves.
        taxonomy: Digest of the trees it expanded under.
        policy: Ledger index of the policy document it belongs to, or None.
        family: What it is a variant of: the same question in other languages, on other screens.
        screen: Where it is shown (`settings/ai`, `onboarding`); None: anywhere.
    """

    id: str
    sha256: Digest
    language: str
    control: Control
    asks: tuple[Scope, ...]
    uses: frozenset[Use]
    shown: frozenset[Use]
    taxonomy: Digest
    policy: LedgerIndex | None
    family: str | None = None
    screen: str | None = None

    @property
    def uses_digest(self) -> Digest:
        """Digest of the uses covered and shown, and of where, for the log entry."""
        document: dict[str, Json] = {
            "shown": sorted(str(use) for use in self.shown),
            "taxonomy": self.taxonomy.hex(),
            "uses": sorted(str(use) for use in self.uses),
        }
        if self.family is not None:
            document["family"] = self.family
        if self.screen is not None:
            document["screen"] = self.screen
        return digest_of(document)

    def require_grantable(self, scope: Scope | None = None) -> None:
        """Refuse a grant that this notice cannot carry.

        Args:
            scope: What the grant is about; None: whatever the notice asks for.

        Raises:
            RefusedError: `notice.preset-control`, the control was on before the member acted.
            InputError: `use.malformed`, the scope is not among what the notice asks for.
        """
        if self.control is Control.ON:
            raise RefusedError(
                f"notice {self.id!r} showed a control that was on already",
                code="notice.preset-control",
                hint="ask again with the control off, or with two buttons of equal weight",
            )
        if scope is not None and not any(ask.covers(scope) for ask in self.asks):
            raise InputError(
                f"notice {self.id!r} does not ask for {scope}",
                code="use.malformed",
                hint=f"it asks for: {', '.join(str(ask) for ask in self.asks)}",
            )


def make_notice(
    data: bytes,
    *,
    id: str,  # noqa: A002 (the word of the log entry)
    language: str,
    control: Control,
    asks: Iterable[Scope],
    taxonomy: Taxonomy,
    policy: LedgerIndex | None = None,
    family: str | None = None,
    screen: str | None = None,
) -> Notice:
    """Return the notice of these bytes, expanded under this taxonomy.

    Args:
        data: The exact bytes shown.
        id: Id of the notice.
        language: BCP 47 tag.
        control: State of the control before the member acts.
        asks: The scopes it asks for, one per line.
        taxonomy: The trees in force at publication.
        policy: Ledger index of the policy document it belongs to.
        family: What it is a variant of.
        screen: Where it is shown.

    Raises:
        InputError: `use.unknown-term`; `input.malformed`, a text without a word, to which nobody can
            have agreed (G2), or a language that is no tag.
    """
    if not data.strip():
        raise InputError(
            "the notice says nothing",
            code="input.malformed",
            hint="publish the exact text that members are shown",
        )
    if not is_language_tag(language):
        raise InputError(
            f"language {language[:40]!r} is not a BCP 47 tag such as en or pt-BR",
            code="input.malformed",
        )
    scopes = tuple(asks)
    expanded = [taxonomy.expand(scope) for scope in scopes]
    return Notice(
        id=id,
        sha256=sha256(data),
        language=language,
        control=control,
        asks=scopes,
        uses=frozenset(use for uses in expanded for use in uses),
        shown=frozenset(
            use
            for scope, uses in zip(scopes, expanded, strict=True)
            for use in uses
            if str(use) == str(scope)
        ),
        taxonomy=taxonomy.digest,
        policy=policy,
        family=family,
        screen=screen,
    )


def choose_notice(
    notices: Iterable[Notice], family: str, *, language: str, screen: str | None = None
) -> Notice:
    """Return the variant of a question for a language and a screen.

    The language is matched as asked for, then by its primary subtag (`de-AT` takes `de`); a text
    made for the screen goes before one for any. Another language never stands in: a member who
    cannot read a text has not agreed to it. Of equal variants the one published last is shown.

    Args:
        notices: Published notices, oldest first.
        family: The question; a notice without variants is its own.
        language: BCP 47 tag.
        screen: Where it will be shown; None: anywhere.

    Raises:
        InputError: `notice.no-variant`.
    """
    own = [n for n in notices if family == (n.family or n.id) and n.screen in {None, screen}]
    wanted = language.lower()
    for match in (wanted, wanted.split("-")[0]):
        found = [n for n in own if n.language.lower() == match]
        if found:
            return max(enumerate(found), key=lambda pair: (pair[1].screen == screen, pair[0]))[1]
    raise InputError(
        f"no text of {family!r} in {language!r} for that screen",
        code="notice.no-variant",
        hint=f"languages there are: {', '.join(sorted({n.language for n in own})) or 'none'}",
    )
