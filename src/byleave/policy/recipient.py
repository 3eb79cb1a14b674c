"""Who recipients are and what their contracts permit, as dated facts.

A recipient's group (affiliate, provider, third party) is a claim of its name; who belongs to the
platform's group, and since when, stands in the corporate tree. What a contract *permits* counts,
not what a recipient declares: one that may train counts as training (DESIGN §5; Ambriz v. Google,
N.D. Cal., 10 Feb 2025: what a vendor can do with the data may be enough).

    recipients: v1
    version: "2026-01"
    companies:
      - company: acme-cloud
        recipient: provider.acme-cloud
        parents:
          - {of: platform, from: 2024-01-01, until: 2025-06-30}
        contracts:
          - terms: acme-dpa-3
            from: 2024-01-01
            may_train: false
            may_pass_on: [provider.acme-logs]

`may_train` is false, true (anything below `train`) or a list of purposes; `may_pass_on` is
false, true (to anyone) or a list of recipients. Intervals are half-open: `until` is out.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from byleave.canonical import Json, digest_of
from byleave.errors import InputError, RefusedError
from byleave.ids import Digest, format_instant, parse_instant
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import Fields, read_mapping
from byleave.policy.taxonomy import Taxonomy

__all__ = [
    "Company",
    "Contract",
    "Recipients",
    "effective_uses",
    "parse_recipients",
    "require_standing",
]

PLATFORM: Final = "platform"
_COMPANY_FIELDS: Final = frozenset({"company", "recipient", "name", "parents", "contracts"})
_PARENT_FIELDS: Final = frozenset({"of", "from", "until"})
_CONTRACT_FIELDS: Final = frozenset({"terms", "from", "until", "may_train", "may_pass_on"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From an instant until another, which is out; None: without end."""

    start: datetime
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Say whether the instant lies in it."""
        return self.start <= at and (self.end is None or at < self.end)

    def to_dict(self) -> dict[str, Json]:
        """Return it as the digest sees it."""
        return {
            "from": format_instant(self.start),
            "until": None if self.end is None else format_instant(self.end),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What one contract permits, while it is in force.

    Attributes:
        terms: Name of the contract, or id of a published document of kind `recipient-terms`.
        interval: When it is in force.
        may_train: Purposes below `train` that it permits; `("train",)` permits any of them.
        may_pass_on: Recipients it may hand data to; None: anyone.
    """

    terms: str
    interval: Interval
    may_train: tuple[str, ...]
    may_pass_on: tuple[str, ...] | None

    def to_dict(self) -> dict[str, Json]:
        """Return it as the digest sees it."""
        return {
            **self.interval.to_dict(),
            "terms": self.terms,
            "may_train": list(self.may_train),
            "may_pass_on": None if self.may_pass_on is None else list(self.may_pass_on),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One company, its place in the corporate tree over time, and its contracts.

    Attributes:
        company: Its id in the file.
        recipient: The recipient of the taxonomy that it is.
        name: As members read it, or None.
        parents: (company or `platform` that owns it, when).
        contracts: Its contracts with the platform; no two in force at once.
    """

    company: str
    recipient: str
    name: str | None
    parents: tuple[tuple[str, Interval], ...]
    contracts: tuple[Contract, ...]

    def contract_at(self, at: datetime) -> Contract | None:
        """Return the contract in force at an instant, or None."""
        return next((c for c in self.contracts if c.interval.holds(at)), None)

    def to_dict(self) -> dict[str, Json]:
        """Return it as the digest sees it."""
        return {
            "company": self.company,
            "recipient": self.recipient,
            "name": self.name,
            "parents": [{"of": of, **interval.to_dict()} for of, interval in self.parents],
            "contracts": [contract.to_dict() for contract in self.contracts],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """All companies that may receive data, under one version.

    Attributes:
        version: Version of the file.
        companies: Id → company.
        digest: SHA-256 of the canonical form.
    """

    version: str
    companies: Mapping[str, Company] = field(repr=False)
    digest: Digest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        document: dict[str, Json] = {
            "version": self.version,
            "companies": [company.to_dict() for company in self.companies.values()],
        }
        object.__setattr__(self, "digest", digest_of(document))

    def of(self, recipient: str) -> Company | None:
        """Return the company that a recipient of the taxonomy is, or None."""
        return next((c for c in self.companies.values() if c.recipient == recipient), None)

    def is_affiliate(self, company: str, at: datetime) -> bool:
        """Say whether a company belonged to the platform's group at an instant.

        It does where the platform owned it, or it owned the platform, or a third company both,
        through any number of steps: one tree of ownership holds them together.
        """
        group, edge = {PLATFORM}, True
        while edge:
            edge = False
            for child in self.companies.values():
                for parent, interval in child.parents:
                    if interval.holds(at) and (child.company in group) != (parent in group):
                        group |= {child.company, parent}
                        edge = True
        return company in group


def parse_recipients(text: str, *, name: str, taxonomy: Taxonomy) -> Recipients:
    """Read a recipients file.

    Raises:
        InputError: `recipients.malformed`, an unknown recipient, purpose or company, a company
            or a recipient that stands twice, two contracts in force at once, an interval that
            ends before it starts; `input.malformed`; `input.unknown-field`; `input.instant`.
    """
    top = read_mapping(text, name=name)
    top.refuse_others({"recipients", "version", "companies"})
    if top.text("recipients") != "v1":
        raise _malformed(top, "recipients", "recipients is not v1")
    companies: dict[str, Company] = {}
    for fields in top.mappings("companies"):
        company = _company(fields, taxonomy)
        if company.company in {*companies, PLATFORM}:
            raise _malformed(fields, "company", f"{company.company!r} stands twice")
        if any(c.recipient == company.recipient for c in companies.values()):
            raise _malformed(fields, "recipient", f"{company.recipient!r} is two companies")
        companies[company.company] = company
    for fields in top.mappings("companies"):
        for parent, _ in companies[fields.text("company")].parents:
            if parent not in {*companies, PLATFORM}:
                raise _malformed(fields, "parents", f"no company {parent!r}")
    return Recipients(version=top.text("version"), companies=companies)


def require_standing(recipient: str, recipients: Recipients, at: datetime) -> Contract:
    """Return the contract under which a recipient may be given data at an instant.

    Raises:
        RefusedError: `disclosure.no-contract`; `disclosure.not-affiliate`, its name says
            affiliate and the corporate tree says it was none; `disclosure.passes-on`, it may
            hand data to anyone.
    """
    company = recipients.of(recipient)
    contract = None if company is None else company.contract_at(at)
    if company is None or contract is None:
        raise RefusedError(
            f"no contract with {recipient} is in force at {format_instant(at)}",
            code="disclosure.no-contract",
            hint="add it, with its dates, to the recipients file",
        )
    if recipient.split(".", maxsplit=1)[0] == "affiliate" and not recipients.is_affiliate(
        company.company, at
    ):
        raise RefusedError(
            f"{recipient} did not belong to the platform's group at {format_instant(at)}",
            code="disclosure.not-affiliate",
        )
    if contract.may_pass_on is None:
        raise RefusedError(
            f"{contract.terms} lets {recipient} pass data on to anyone",
            code="disclosure.passes-on",
            hint="name the recipients it may pass data on to",
        )
    return contract


def effective_uses(
    use: Use, recipients: Recipients, at: datetime, *, taxonomy: Taxonomy
) -> tuple[Use, ...]:
    """Return everything that a disclosure for `use` amounts to, by what contracts permit.

    The use itself; every training its recipient's contract permits on that data; and the same
    for every recipient it may pass the data on to, and so forth. Data that stays with the
    platform amounts to the use alone.

    Args:
        use: The declared use.
        recipients: The dated facts.
        at: The instant.
        taxonomy: The trees in force.

    Raises:
        RefusedError: Codes of `require_standing`, for any recipient on the way.
    """
    if use.recipient == PLATFORM:
        return (use,)
    found: set[Use] = set()
    waiting, seen = [use.recipient], {use.recipient}
    while waiting:
        recipient = waiting.pop()
        contract = require_standing(recipient, recipients, at)
        purposes = {use.purpose} | {
            leaf.purpose
            for purpose in contract.may_train
            for leaf in taxonomy.expand(
                Scope(purpose=purpose, category=use.category, recipient=recipient)
            )
        }
        found |= {
            Use(purpose=purpose, category=use.category, recipient=recipient) for purpose in purposes
        }
        onward = set(contract.may_pass_on or ()) - seen
        seen |= onward
        waiting += sorted(onward)
    return tuple(sorted(found))


def _company(fields: Fields, taxonomy: Taxonomy) -> Company:
    fields.refuse_others(_COMPANY_FIELDS)
    recipient = fields.text("recipient")
    if not taxonomy.is_leaf("recipients", recipient) or recipient == PLATFORM:
        raise InputError(
            f"{recipient!r} is no recipient of the taxonomy",
            code="recipients.malformed",
            where=fields.where("recipient"),
            hint="a recipient of your own is a term of taxonomy.yaml in the workspace's folder "
            "(init --taxonomy FILE; docs/spec/policy-document.md)",
        )
    contracts = [_contract(part, taxonomy) for part in fields.mappings("contracts")]
    contracts.sort(key=lambda contract: contract.interval.start)
    for one, other in itertools.pairwise(contracts):
        if one.interval.end is None or one.interval.end > other.interval.start:
            raise _malformed(fields, "contracts", f"{one.terms} and {other.terms} overlap")
    return Company(
        company=fields.text("company"),
        recipient=recipient,
        name=fields.optional_text("name"),
        parents=tuple(_parent(part) for part in fields.mappings("parents")),
        contracts=tuple(contracts),
    )


def _parent(fields: Fields) -> tuple[str, Interval]:
    fields.refuse_others(_PARENT_FIELDS)
    return fields.text("of"), _interval(fields)


def _contract(fields: Fields, taxonomy: Taxonomy) -> Contract:
    fields.refuse_others(_CONTRACT_FIELDS)
    train = _permission(fields, "may_train")
    passed = _permission(fields, "may_pass_on")
    for purpose in train or ():
        if purpose not in taxonomy.purposes or purpose.split(".")[0] != "train":
            raise _malformed(fields, "may_train", f"{purpose!r} is no purpose below train")
    for recipient in passed or ():
        if not taxonomy.is_leaf("recipients", recipient):
            raise _malformed(fields, "may_pass_on", f"{recipient!r} is no recipient")
    return Contract(
        terms=fields.text("terms"),
        interval=_interval(fields),
        may_train=("train",) if train is None else train,
        may_pass_on=passed,
    )


def _permission(fields: Fields, name: str) -> tuple[str, ...] | None:
    """Read false (nothing), true (None: everything) or a list; it may not be left out."""
    value = fields.values.get(name)
    if isinstance(value, bool):
        return None if value else ()
    if isinstance(value, list):
        return fields.texts(name)
    raise _malformed(fields, name, f"{name} is not true, false or a list")


def _interval(fields: Fields) -> Interval:
    is_open = fields.values.get("until") is None
    interval = Interval(
        start=fields.read("from", parse_instant),
        end=None if is_open else fields.read("until", parse_instant),
    )
    if interval.end is not None and interval.end <= interval.start:
        raise _malformed(fields, "until", "ends before it starts")
    return interval


def _malformed(fields: Fields, where: str, message: str) -> InputError:
    return InputError(
        message,
        code="recipients.malformed",
        where=fields.where(where if where in fields.values else None),
    )
