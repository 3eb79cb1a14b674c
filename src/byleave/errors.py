"""The whole error tree, and the table of every stable code.

    ByleaveError
      InputError      what you gave is malformed or does not exist         exit 2
      EvidenceError   a document, proof or store does not hold up          exit 3
      ConflictError   someone else is at work, or the order is wrong       exit 1
      WorldError      the disk, the network or the clock failed            exit 1
      RefusedError    understood, and not allowed                          exit 4

A refusal to *use a row* is a value with a reason, never an exception.
Messages name what was found and what was wanted; they never hold personal data.
`where` is a file, line or column; `hint` is what to do next, for people.
"""

from __future__ import annotations

from typing import ClassVar, Final

__all__ = [
    "CODES",
    "ByleaveError",
    "ConflictError",
    "EvidenceError",
    "InputError",
    "RefusedError",
    "WorldError",
]

CODES: Final[dict[str, str]] = {
    # input: any room
    "input.malformed": "A document or value is not in the form its format asks for.",
    "input.not-found": "A file or folder that was named does not exist.",
    "input.unknown-field": "A document holds a field its format does not know; doubt means no.",
    "input.instant": "An instant is not written as 2024-09-18T00:00:00Z, or has no zone.",
    "input.digest": "A digest is not 64 lowercase hexadecimal digits.",
    "canonical.not-canonical": "Bytes are valid JSON but not in the one accepted encoding.",
    "canonical.not-encodable": "A value has no canonical encoding (a float, a huge integer, a key that is not ASCII).",
    # policy
    "use.malformed": "A use or scope is not written as PURPOSE/CATEGORY/RECIPIENT.",
    # consent
    # contract and gate
    # note, merkle, log
    # evidence and verify
    # snapshot
    # training
    # disclosure and case
    # workspace, data sets, portal
    "pages.malformed": "The facts given for a page or report do not have the shape it declares.",
    "pages.member-label": "A report names a member other than as `member A`; it holds no member ids.",
    "portal.cannot-bind": "The portal cannot listen on the address and port it was given.",
    "portal.demo-loopback-only": "A demo workspace is only served to the machine it is on.",
    "portal.link": "A member link cannot be made: its key is short, or its numbers are out of range.",
    "input.name": "A name has characters that file names here may not have.",
    "workspace.missing": "The folder is not a Byleave workspace.",
    "workspace.exists": "Something of that name exists already.",
    "workspace.damaged": "The workspace's files do not agree with each other or with their digests.",
    "workspace.busy": "Another process is writing to this workspace.",
    "workspace.read-only": "The workspace was opened without the right to write.",
    "workspace.unknown-object": "The workspace holds no object of that kind and name.",
    "world.disk-full": "There is no room left on the disk.",
    "world.storage": "The disk or the ledger refused a read or a write.",
    "member.unknown": "The ledger knows no such member.",
    "member.erased": "The member's secret has been erased; evidence about them is gone.",
}


class ByleaveError(Exception):
    """Base of every error Byleave raises on purpose.

    Args:
        message: What was found and what was wanted; lowercase, no full stop, no personal data.
        code: A key of `CODES`.
        where: The file, line, column or check concerned.
        hint: What a person can do next.
    """

    family: ClassVar[str] = "failure"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, code: str, where: str | None = None, hint: str | None = None
    ) -> None:
        if code not in CODES:
            raise AssertionError(f"error code {code!r} is not in byleave.errors.CODES")
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint

    def to_dict(self) -> dict[str, str | None]:
        """Return the error as the object that `--json` prints under `error`."""
        return {
            "code": self.code,
            "family": self.family,
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
        }


class InputError(ByleaveError):
    """What the caller gave is malformed, unknown or missing."""

    family = "input"
    exit_code = 2


class EvidenceError(ByleaveError):
    """Evidence does not verify: a proof, a signature, a digest, a damaged store."""

    family = "evidence"
    exit_code = 3


class ConflictError(ByleaveError):
    """Another process holds the workspace, or steps came in the wrong order; retry later."""

    family = "conflict"


class WorldError(ByleaveError):
    """The disk is full, the network is gone, a file cannot be written."""

    family = "world"


class RefusedError(ByleaveError):
    """The request was understood and is not allowed."""

    family = "refused"
    exit_code = 4
