"""The terms that travel with a package: one canonical document, digest in the log.

What the recipient *may* do counts, not what it says it does: a recipient whose terms allow
training counts as training (`may_train`), whatever it declares (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from byleave.canonical import Json, decode, digest_of, encode
from byleave.errors import InputError
from byleave.ids import Digest, LedgerIndex, format_instant, parse_instant
from byleave.policy.scope import Scope

__all__ = ["TERMS_FORMAT", "Terms", "require_running"]

TERMS_FORMAT: Final = "byleave-terms/v1"
_FIELDS: Final = frozenset({
    "format", "disclosure", "recipient", "snapshot", "use", "may_train", "may_pass_on",
    "recall_days", "expires",
})  # fmt: skip
_MISSING: Final = object()
MAX_RECALL_DAYS: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a recipient may do with one package, and how fast it must answer a recall.

    Attributes:
        disclosure: Name of the package.
        recipient: For whom.
        snapshot: Ledger index of the sealed snapshot in it.
        use: The only uses allowed: one purpose and recipient, a category or a group of them.
        may_train: Whether it may train on the data at all.
        may_pass_on: Whether it may hand it to recipients of its own.
        recall_days: Days to delete and acknowledge after a recall, 0 to 365.
        expires: From when the package may no longer be used; None: until recalled.
    """

    disclosure: str
    recipient: str
    snapshot: LedgerIndex
    use: Scope
    may_train: bool
    may_pass_on: bool
    recall_days: int
    expires: datetime | None = None

    def __post_init__(self) -> None:
        training = self.use.purpose.split(".")[0] == "train"
        problem = None
        if not 0 <= self.recall_days <= MAX_RECALL_DAYS:
            problem = f"recall_days is not between 0 and {MAX_RECALL_DAYS}"
        elif self.use.recipient != self.recipient:
            problem = "the use is one for another recipient"
        elif training != self.may_train:
            problem = "may_train does not say what the use says"
        if problem:
            raise InputError(problem, code="disclosure.terms")

    def encode(self) -> bytes:
        """Return the document in its one encoding."""
        return encode(self._document())

    @property
    def digest(self) -> Digest:
        """The SHA-256 of the document."""
        return digest_of(self._document())

    @classmethod
    def decode(cls, data: bytes) -> Terms:
        """Read what `encode` wrote, and nothing else.

        Raises:
            InputError: `canonical.not-canonical` or `input.malformed`, not in the one encoding;
                `input.unknown-field`; `disclosure.terms`, a field is missing or of another type.
        """
        document = decode(data)
        if not isinstance(document, dict) or document.get("format") != TERMS_FORMAT:
            raise InputError(f"not a {TERMS_FORMAT} document", code="disclosure.terms")
        unknown = sorted(set(document) - _FIELDS)
        if unknown:
            raise InputError(f"unknown field {unknown[0]!r}", code="input.unknown-field")
        expires = _field(document, "expires", str | None)
        use = Scope.parse(_field(document, "use", str))
        terms = cls(
            disclosure=_field(document, "disclosure", str),
            recipient=_field(document, "recipient", str),
            snapshot=LedgerIndex(_field(document, "snapshot", int)),
            use=use,
            may_train=_field(document, "may_train", bool),
            may_pass_on=_field(document, "may_pass_on", bool),
            recall_days=_field(document, "recall_days", int),
            expires=None if expires is None else parse_instant(expires),
        )
        if terms.encode() != data:
            raise InputError("an instant in another spelling", code="canonical.not-canonical")
        return terms

    def _document(self) -> dict[str, Json]:
        return {
            "format": TERMS_FORMAT,
            "disclosure": self.disclosure,
            "recipient": self.recipient,
            "snapshot": self.snapshot,
            "use": str(self.use),
            "may_train": self.may_train,
            "may_pass_on": self.may_pass_on,
            "recall_days": self.recall_days,
            "expires": None if self.expires is None else format_instant(self.expires),
        }


def require_running(expires: datetime | None, now: datetime) -> None:
    """Refuse terms for a new package that run out before it is made.

    Raises:
        InputError: `disclosure.over`.
    """
    if expires is not None and expires <= now:
        raise InputError(
            f"terms that run out on {format_instant(expires)} are over already",
            code="disclosure.over",
            hint="name an instant to come, or none",
        )


def _field(document: Mapping[str, Json], name: str, kind: Any) -> Any:  # noqa: ANN401
    value = document.get(name, _MISSING)
    exact = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if value is _MISSING or not exact:
        raise InputError(f"field {name!r} is missing or of another type", code="disclosure.terms")
    return value
