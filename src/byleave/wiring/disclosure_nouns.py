"""The nouns of what leaves the platform: `ws.disclosure`.

Each method calls one service and publishes the log when it wrote to it.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from byleave import canonical
from byleave.disclosure.card import Card
from byleave.errors import (
    ByleaveError,
    ConflictError,
    EvidenceError,
    InputError,
    RefusedError,
)
from byleave.service import disclose, parcel, recall, withdrawal
from byleave.service.open_orders import open_orders
from byleave.stores.age import seal_stream
from byleave.stores.artefacts import copy_file, write_file
from byleave.stores.outbox import INBOX, LISTING
from byleave.wiring.consent_nouns import Noun

__all__ = ["Disclosures"]

_REFUSED = "refused"
_TAKEN = "taken"


class Disclosures(Noun):
    """Packages for recipients."""

    def register(self, card: bytes) -> tuple[int, Card, builtins.list[str]]:
        """Register a recipient's keys; make up what was offered to it and waited for them.

        Returns:
            Log index of the keys, the card, and the packages made up.
        """
        self._writable()
        try:
            index, found = parcel.register(self._house, card)
            self._house.log.publish()
            return index, found, parcel.make_up_waiting(self._house, found.recipient, seal_stream)
        finally:
            self._house.log.publish()

    def registration(self, recipient: str) -> bytes:
        """Return what shows others that a recipient is registered: card and log entry.

        Raises:
            RefusedError: `disclosure.unregistered`.
        """
        found = parcel.key_of(self._house, recipient)
        if found is None:
            raise RefusedError(
                f"{recipient} has registered no key",
                code="disclosure.unregistered",
                hint="byleave disclosure register CARD",
            )
        index, card = found
        entry = self._house.log.logged(index)
        return canonical.encode({"card": card.document(), "entry": entry.to_dict()})

    def key_of(self, recipient: str) -> Card | None:
        """Return a recipient's card in force, or None."""
        found = parcel.key_of(self._house, recipient)
        return None if found is None else found[1]

    def keys(self) -> builtins.list[dict[str, Any]]:
        """Return the card in force of each recipient that has one, by name, and its log index."""
        names = {doc["recipient"] for _, _, _, doc in self._house.ledger.objects(parcel.KEYS)}
        found = [(name, parcel.key_of(self._house, name)) for name in sorted(names)]
        return [
            {"recipient": name, "index": held[0], "key": held[1].key.hex(), "age": held[1].age}
            for name, held in found
            if held is not None
        ]

    def recipient_of(self, key: bytes) -> str | None:
        """Return whose registered key this is, if it is in force; None: nobody's."""
        objects = self._house.ledger.objects(parcel.KEYS)
        for recipient in {document["recipient"] for _, _, _, document in objects}:
            card = self.key_of(recipient)
            if card is not None and card.key == key:
                return card.recipient
        return None

    def offer(
        self,
        name: str,
        use: str,
        *,
        recall_days: int = disclose.RECALL_DAYS,
        expires: datetime | None = None,
        only_new: bool = False,
    ) -> disclose.Offer:
        """Gate a source for a recipient, offer what passed, and make it up for its key.

        Args:
            name: Id of the source.
            use: PURPOSE/CATEGORY/RECIPIENT.
            recall_days: Days to answer a recall.
            expires: From when on the package may not be used.
            only_new: Leave out what the recipient holds already.
        """
        self._writable()
        try:
            made = disclose.offer(
                self._house,
                name,
                use,
                recall_days=recall_days,
                expires=expires,
                only_new=only_new,
            )
            self._house.log.publish()
            parcel.make_up(self._house, made.disclosure, seal_stream)
            return made
        finally:
            self._house.log.publish()

    def check(self, name: str, use: str) -> None:
        """Say whether a source may be offered for a use at all, as `offer` would refuse it."""
        disclose.check_offer(self._house, name, use)

    def preview(self, name: str, use: str) -> disclose.Preview:
        """Say what an offer would hold, and how much the recipient holds already."""
        return disclose.preview(self._house, name, use)

    def recall(self, name: str | None = None, *, days: int | None = None) -> builtins.list[str]:
        """Recall what withdrawals concern, in every package; or the whole of one.

        Args:
            name: A disclosure: all of its rows. None: rows no longer admitted, in all of them.
            days: Days to answer; None: as the terms say.
        """
        self._writable()
        try:
            if name is None:
                return withdrawal.recall_packages(self._house, days=days)
            return [name] if recall.recall_package(self._house, name, days=days) else []
        finally:
            self._house.log.publish()

    def list(self) -> builtins.list[dict[str, Any]]:
        """Return every disclosure's document, oldest first, without the key of its labels."""
        return [
            {**{key: value for key, value in document.items() if key != "secret"}, "index": index}
            for index, _, _, document in self._house.ledger.objects("disclosure")
        ]

    def status(self) -> builtins.list[dict[str, Any]]:
        """Return where every disclosure stands."""
        return recall.status(self._house)

    def listing(self, recipient: str) -> dict[str, Any]:
        """Return what lies there for a recipient."""
        return recall.listing(self._house, recipient)

    def file(self, recipient: str, name: str, *, checked: bool = True) -> Path | bytes | None:
        """Return one file that lies there for a recipient, or None: a package's path, an order."""
        return recall.outbox_file(self._house, recipient, name, checked=checked)

    def orders(self, recipient: str, name: str) -> builtins.list[dict[str, Any]] | None:
        """Return the orders about a recipient's package not answered yet; None: not theirs."""
        return open_orders(self._house, recipient, name)

    def lay_out(self, recipient: str, folder: Path) -> dict[str, Any]:
        """Write what lies there for a recipient into a folder, to be carried or shared.

        Raises:
            RefusedError: `disclosure.unregistered`.
            WorldError: `world.disk-full`, `world.storage`.
        """
        if self.key_of(recipient) is None:
            self.registration(recipient)
        listing = self.listing(recipient)
        wanted = [item["name"] for item in (*listing["packages"], *listing["orders"])]
        for name in wanted:
            data = self.file(recipient, name)
            if isinstance(data, Path):
                copy_file(data, folder / name)
            elif data is not None:
                write_file(folder / name, data)
        (folder / INBOX).mkdir(parents=True, exist_ok=True)
        write_file(folder / LISTING, canonical.encode(listing))
        for path in folder.iterdir():  # recalled packages, answered orders
            if path.suffix in {".age", ".order"} and path.name not in wanted:
                path.unlink()
        return listing

    def take(self, data: bytes) -> dict[str, Any]:
        """Take one delivery or answer."""
        self._writable()
        try:
            return recall.take(self._house, data)
        finally:
            self._house.log.publish()

    def spool(self, recipient: str, name: str, data: bytes) -> Path:
        """Keep what a recipient sent until somebody may write; `receive` takes it."""
        path = self._workspace.path / INBOX / recipient / name
        write_file(path, data, private=True)
        return path

    def receive(
        self, places: Sequence[Path] = ()
    ) -> builtins.list[tuple[str, dict[str, Any] | None, ByleaveError | None]]:
        """Take every delivery and answer in these files and folders, and in the workspace's own.

        What is taken is moved to `taken/` beside it, what is refused to `refused/`; single files
        named outright stay where they are.

        Returns:
            (file, what it was, its refusal) for each.
        """
        self._writable()
        own = sorted((self._workspace.path / INBOX).glob("*"))
        result = []
        try:
            for place in (*places, *own):
                inside = place.is_dir()
                found = _letters(place) if inside else [place]
                for path in found:
                    taken, refusal = self._take_file(path)
                    if inside:
                        aside = path.parent / (_TAKEN if refusal is None else _REFUSED) / path.name
                        aside.parent.mkdir(exist_ok=True)
                        path.replace(aside)
                    result.append((str(path), taken, refusal))
        finally:
            self._house.log.publish()
        return result

    def _take_file(self, path: Path) -> tuple[dict[str, Any] | None, ByleaveError | None]:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(
                "the file cannot be read", code="input.not-found", where=str(path)
            ) from error
        try:
            return recall.take(self._house, data), None
        except (ConflictError, EvidenceError, InputError, RefusedError) as error:
            return None, error


def _letters(folder: Path) -> list[Path]:
    """Return deliveries, then answers by number, of a folder or of its `inbox`."""
    inside = folder / INBOX if (folder / INBOX).is_dir() else folder
    found = [p for p in inside.iterdir() if p.is_file() and not p.name.startswith(".")]
    return sorted(found, key=lambda p: (p.suffix == ".answer", len(p.name), p.name))
