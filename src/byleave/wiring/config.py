"""A workspace's folder: where everything stands, its configuration, its keys."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError, InputError
from byleave.note.keys import SignerKey
from byleave.note.trust import parse_trust
from byleave.service.asking import ASK_AGAIN_DAYS
from byleave.stores.artefacts import write_file
from byleave.wiring.help import Help, help_lines, parse_help
from byleave.wiring.oidc import OidcSettings, oidc_lines, parse_oidc

__all__ = ["KEYS", "KINDS", "Config", "Places", "read_config", "read_key"]

FORMAT: Final = 1
KEYS: Final = ("log", "release", "portal")
KINDS: Final = (
    "sources",
    "gates",
    "snapshots",
    "runs",
    "releases",
    "packages",
    "parcels",
    "observed",
    "directories",
    "attestations",
)
_FIELDS: Final = frozenset(
    {
        "format", "origin", "operator", "demo", "data_origin", "ledger", "party", "purge",
        "tiles", "witness_down", "witness_wait", "portal",
    }
)  # fmt: skip
_PORTAL: Final = frozenset({"ask_again_days", "authority", "contact", "embed_in", "oidc"})
_MOST_DAYS: Final = 3_650
_DOWN: Final = ("fail", "hold")
_PURGE: Final = ("states", "releases")
_PARTY: Final = frozenset({"address", "contact", "retention", "settings", "storage"})
# An origin as a header names it: a scheme, a host in lower case, a port; nothing after, no `*`.
_ORIGIN: Final = re.compile(
    r"https://(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*(:[1-9][0-9]{0,4})?"
    r"|http://(127\.0\.0\.1|localhost|\[::1\])(:[1-9][0-9]{0,4})?"
)


@dataclass(frozen=True, slots=True)
class Places:
    """The parts of a workspace's folder."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "byleave.toml"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def trust(self) -> Path:
        return self.root / "trust.policy"

    @property
    def witnesses(self) -> Path:
        """A demo's own witnesses, which are nobody's."""
        return self.root / "witnesses"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def proofs(self) -> Path:
        return self.root / "proofs"

    @property
    def trainers(self) -> Path:
        """Trainers of the operator's own, a Python file each."""
        return self.root / "trainers"

    def key(self, name: str) -> Path:
        """Return the file of one private key."""
        return self.root / "keys" / f"{name}.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `byleave.toml` says.

    Attributes:
        origin: Origin of the log, for example `log.example.com/byleave`.
        operator: Who runs it, as pages name them.
        demo: Randomness came from a seed; such a workspace serves on loopback only.
        data_origin: `real` or `generated` in a demo, else None.
        ledger: Address of the PostgreSQL database that holds the ledgers, without a password; None:
            `ledger.sqlite` in the folder.
        party: What receipts say of the operator: `contact`, postal `address`, address of the
            `settings`, `storage` locations, `retention` period; what is absent is not stated.
        purge: What goes once a release is unlearned: `states`, the training state that knew the
            rows; `releases`, the replaced release's model files too.
        tiles: `s3://BUCKET/PREFIX` where the log's files are kept; None: `log/` in the folder.
        witness_down: What publishing does when too few witnesses cosign: `fail`, or `hold`, which
            goes on and leaves the last checkpoint served.
        witness_wait: Seconds for which they are asked again before that.
        embed_in: Origins of the pages that may show members' pages in a frame (`[portal]`).
        ask_again_days: For how many days a question that was put off is not asked again in
            context (`[portal]`), 1 to 3,650.
        help: Whom people can turn to (`[portal.contact]`, `[portal.authority]`).
        oidc: At which provider people sign in (`[portal.oidc]`); None: by one-time links alone.
    """

    origin: str
    operator: str
    demo: bool
    data_origin: str | None = None
    ledger: str | None = None
    party: Mapping[str, str] = field(default_factory=dict)
    purge: str = "states"
    tiles: str | None = None
    witness_down: str = "fail"
    witness_wait: float = 10.0
    embed_in: tuple[str, ...] = ()
    ask_again_days: int = ASK_AGAIN_DAYS
    help: Help = field(default_factory=Help)
    oidc: OidcSettings | None = None

    def write(self, places: Places) -> None:
        """Write the file."""
        lines = [
            "# A Byleave workspace. Keys lie in keys/ and belong to nobody else.",
            f"format = {FORMAT}",
            f"origin = {_quoted(self.origin)}",
            f"operator = {_quoted(self.operator)}",
            f"demo = {str(self.demo).lower()}",
        ]
        if self.data_origin:
            lines.append(f"data_origin = {_quoted(self.data_origin)}")
        if self.ledger:
            lines.append(f"ledger = {_quoted(self.ledger)}")
        if self.purge != "states":
            lines.append(f"purge = {_quoted(self.purge)}")
        if self.tiles:
            lines.append(f"tiles = {_quoted(self.tiles)}")
        if self.witness_down != "fail":
            lines.append(f"witness_down = {_quoted(self.witness_down)}")
        if self.witness_wait != 10:
            lines.append(f"witness_wait = {self.witness_wait}")
        again = self.ask_again_days
        if self.embed_in or again != ASK_AGAIN_DAYS:
            lines.append("[portal]")
        if self.embed_in:
            lines.append(f"embed_in = [{', '.join(map(_quoted, self.embed_in))}]")
        if again != ASK_AGAIN_DAYS:
            lines.append(f"ask_again_days = {again}")
        lines += help_lines(self.help)
        if self.party:
            lines += ["[party]", *(f"{k} = {_quoted(v)}" for k, v in sorted(self.party.items()))]
        if self.oidc is not None:
            lines += oidc_lines(self.oidc)
        write_file(places.config, ("\n".join(lines) + "\n").encode())


def _where_then(root: Path) -> str:
    """Say how to come to a workspace where none stands: one beside it, or a new one."""
    for beside in (root.with_name("byleave-workspace"), root.with_name("byleave-demo")):
        if beside != root and (beside / "byleave.toml").is_file():
            return f"there is one beside it: --workspace {beside}"
    return (
        "byleave init makes an empty one, byleave demo a full one;\n"
        "--workspace, or BYLEAVE_WORKSPACE, names one elsewhere"
    )


def read_config(places: Places) -> Config:
    """Read a workspace's configuration.

    Raises:
        InputError: `workspace.missing`, no workspace stands there; `oidc.settings`;
            `portal.settings`.
        EvidenceError: `workspace.damaged`, the file is not one of ours.
    """
    try:
        text = places.config.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise _not_ours(places) from error
    except OSError:
        raise InputError(
            "no Byleave workspace stands here",
            code="workspace.missing",
            where=str(places.root),
            hint=_where_then(places.root),
        ) from None
    try:
        values = tomllib.loads(text)
        if values.pop("format") != FORMAT or values.keys() - _FIELDS:
            raise ValueError("format")
        portal = _portal(values.get("portal", {}))
        config = Config(
            origin=str(values["origin"]),
            operator=str(values["operator"]),
            demo=bool(values["demo"]),
            data_origin=values.get("data_origin"),
            ledger=_text_or_none(values.get("ledger")),
            party=_party(values.get("party", {})),
            purge=_PURGE[_PURGE.index(values.get("purge", "states"))],
            tiles=_text_or_none(values.get("tiles")),
            witness_down=_DOWN[_DOWN.index(values.get("witness_down", "fail"))],
            witness_wait=float(values.get("witness_wait", 10)),
            embed_in=_embed_in(portal),
            ask_again_days=_days(portal.get("ask_again_days", ASK_AGAIN_DAYS)),
            help=parse_help(portal),
            oidc=parse_oidc(portal["oidc"]) if "oidc" in portal else None,
        )
        parse_trust(places.trust.read_bytes())
    except (KeyError, TypeError, ValueError, OSError, EvidenceError) as error:
        raise _not_ours(places) from error
    return config


def _portal(values: object) -> dict[str, object]:
    if not isinstance(values, dict) or values.keys() - _PORTAL:
        raise ValueError("portal")
    return values


def _text_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _embed_in(portal: dict[str, object]) -> tuple[str, ...]:
    origins = portal.get("embed_in", [])
    if not isinstance(origins, list) or not all(
        isinstance(origin, str) and _ORIGIN.fullmatch(origin) for origin in origins
    ):
        raise ValueError("not an origin")
    return tuple(origins)


def _days(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_DAYS:
        raise InputError(
            "[portal] ask_again_days is a whole number of days, 1 to 3,650",
            code="portal.settings",
            where="ask_again_days",
        )
    return value


def _party(values: dict[str, object]) -> dict[str, str]:
    if values.keys() - _PARTY or not all(isinstance(v, str) and v for v in values.values()):
        raise ValueError("party")
    return {name: str(value) for name, value in values.items()}


def read_key(places: Places, name: str) -> SignerKey:
    """Read one private key; its file is readable by its owner only.

    Raises:
        EvidenceError: `workspace.damaged`, the key is gone or is not one.
    """
    path = places.key(name)
    try:
        return SignerKey.parse(path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise EvidenceError(
            "a key of this workspace cannot be read", code="workspace.damaged", where=str(path)
        ) from error


def _quoted(text: str) -> str:
    """Return a TOML basic string: JSON's escapes, and DEL, which TOML does not allow bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _not_ours(places: Places) -> EvidenceError:
    return EvidenceError(
        "byleave.toml or trust.policy is not as Byleave wrote it",
        code="workspace.damaged",
        where=str(places.root),
    )
