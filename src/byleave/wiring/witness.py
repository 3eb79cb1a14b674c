"""A witness in a folder: made, told which logs to follow, asked; and the witnesses of a workspace.

    DIR/witness.key      its private key, 0600
    DIR/witness.vkey     its public key, to hand out
    DIR/logs.policy      the logs it follows, as `log` lines of a trust file
    DIR/logs/            what it cosigned last of each

A witness answers for somebody who is not the log's operator. The two of a demo stand in the
workspace's own folder, so that the formats can be seen; they are nobody's witnesses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError, InputError
from byleave.evidence.fork import ForkProof
from byleave.note.keys import KeyType, SignerKey, VerifierKey
from byleave.note.trust import Trust, parse_trust
from byleave.stores.artefacts import write_file
from byleave.stores.web import WebWitness, is_web_address
from byleave.stores.witness_files import WitnessFiles
from byleave.tlog.cosign import Post, Quorum
from byleave.tlog.witness import Answer, Witness
from byleave.wiring.world import system_bytes, system_now

__all__ = ["WitnessHouse", "make_witness", "quorum_of"]

_KEY: Final = "witness.key"
_VKEY: Final = "witness.vkey"
_LOGS: Final = "logs.policy"
_NO_QUORUM: Final = "quorum none\n"
_ROUND_SECONDS: Final = 1.0


def make_witness(
    folder: Path,
    name: str,
    *,
    kind: KeyType = KeyType.COSIGNATURE,
    random: Callable[[int], bytes] = system_bytes,
) -> VerifierKey:
    """Make a witness's folder; return its public key.

    Raises:
        InputError: `note.key`, the name is no key name; `witness.folder`, one stands there.
        WorldError: `note.ml-dsa-missing`; `world.disk-full`, `world.storage`.
    """
    if (folder / _KEY).exists():
        raise InputError(
            "a witness stands there already; its key must not be replaced",
            code="witness.folder",
            where=str(folder),
        )
    key = SignerKey(name=name, type=kind, seed=random(32))
    write_file(folder / _VKEY, f"{key.verifier}\n".encode())
    write_file(folder / _KEY, (key.format() + "\n").encode(), private=True)
    return key.verifier


class WitnessHouse:
    """One witness: its key, the logs it follows, what it cosigned last.

    Args:
        folder: Its folder.
        now: Clock.

    Raises:
        InputError: `witness.folder`.
        EvidenceError: `witness.state`, the key or the list of logs is damaged.
    """

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = system_now) -> None:
        self._folder = folder
        self._now = now
        try:
            self._signer = SignerKey.parse((folder / _KEY).read_text("ascii").strip())
        except OSError:
            raise InputError(
                "no witness stands here",
                code="witness.folder",
                where=str(folder),
                hint="byleave witness init makes one",
            ) from None
        except (InputError, UnicodeDecodeError) as error:
            raise EvidenceError(
                "the witness's key cannot be read", code="witness.state", where=str(folder / _KEY)
            ) from error
        self._state = WitnessFiles(folder)
        self._witness = self._made()

    @property
    def key(self) -> VerifierKey:
        """Its public key."""
        return self._signer.verifier

    def logs(self) -> tuple[VerifierKey, ...]:
        """Return the keys of the logs it follows.

        Raises:
            EvidenceError: `witness.state`.
        """
        path = self._folder / _LOGS
        if not path.exists():
            return ()
        try:
            return parse_trust(path.read_bytes()).logs
        except EvidenceError as error:
            raise EvidenceError(
                "the list of logs cannot be read", code="witness.state", where=str(path)
            ) from error

    def follow(self, keys: tuple[VerifierKey, ...]) -> tuple[VerifierKey, ...]:
        """Follow the logs of these keys too; return those that are new."""
        known = self.logs()
        new = tuple(key for key in keys if key not in known)
        if new:
            text = "".join(f"log {key}\n" for key in (*known, *new)) + _NO_QUORUM
            parse_trust(text)
            write_file(self._folder / _LOGS, text.encode())
            self._witness = self._made()
        return new

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer an add-checkpoint request; a signed checkpoint that does not follow is kept.

        Raises:
            EvidenceError: `witness.state`.
            WorldError: `world.storage`.
        """
        answer = self._witness.add_checkpoint(body, seconds=int(self._now().timestamp()))
        if answer.refused is not None:
            self._keep(answer.refused)
        return answer

    def _keep(self, refused: bytes) -> None:
        """Keep a checkpoint that contradicts the one cosigned last, as a fork proof where it is one."""
        origin = refused.split(b"\n", 1)[0].decode()
        last = self._state.get(origin)
        if last is not None:
            proof = ForkProof(first=last, second=refused, shown=None, path=())
            with suppress(EvidenceError):  # of two sizes: the tiles would have to tell
                proof.check(self.logs())
                self._state.keep_refused(origin, proof.encode(), suffix=".fork")
                return
        self._state.keep_refused(origin, refused)

    def checkpoint(self, name: str) -> bytes | None:
        """Return the checkpoint cosigned last of the log of this origin hash."""
        return self._witness.checkpoint(name)

    def refused(self, origin: str) -> list[Path]:
        """Return the files of what was refused of a log: checkpoints, and fork proofs (`.fork`)."""
        return self._state.refused(origin)

    def kept(self) -> list[tuple[str, bytes | None]]:
        """Return each log's origin and the note cosigned last."""
        return [(origin, self._state.get(origin)) for origin in self._origins()]

    def _origins(self) -> list[str]:
        return list(dict.fromkeys(key.name for key in self.logs()))

    def _made(self) -> Witness:
        logs: dict[str, list[VerifierKey]] = {}
        for key in self.logs():
            logs.setdefault(key.name, []).append(key)
        return Witness([self._signer], logs, self._state)


def quorum_of(
    trust: Trust, local: Path, *, now: Callable[[], datetime], wait: float
) -> Quorum | None:
    """Return the witnesses that a workspace's log asks; None where its trust file names none.

    Args:
        trust: The workspace's trust file.
        local: Folder of the witnesses that stand in the workspace itself, by name: a demo's.
        now: Clock of those.
        wait: Seconds for which witnesses that do not answer are asked again.
    """
    if not trust.witnesses:
        return None
    posts: dict[str, Post] = {}
    for name, key in trust.witnesses.items():
        url = trust.urls.get(str(key))
        if url is not None and is_web_address(url):
            posts[name] = WebWitness(url)
        elif (local / name / _KEY).exists():
            posts[name] = _Local(local / name, now)

    def pause(turn: int) -> bool:
        if turn * _ROUND_SECONDS > wait:
            return False
        time.sleep(_ROUND_SECONDS)
        return True

    return Quorum(trust, posts, pause=pause)


class _Local:
    """Asks a witness in this process (`tlog.cosign.Post`)."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._house = WitnessHouse(folder, now=now)

    def __call__(self, body: bytes) -> tuple[int, bytes]:
        answer = self._house.add_checkpoint(body)
        return answer.status, answer.body
