"""Packages that a recipient passes on: made up, recalled in turn, and answered for.

DIR/onward/NAME--WHO/state.json     its key and its orders; 0600
DIR/onward/NAME--WHO/out/           what lies there for that recipient, and its `inbox/`
DIR/onward/NAME--WHO/answers/       its answers that were taken

Rows go through a row group at a time, by way of a file in clear beside `state.json`, 0600, which is
removed whatever comes; of each row 48 bytes are held, for the map. Labels are kept nowhere: those
of an order are read from the rows held, which are deleted after the order went down.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from byleave import canonical
from byleave.disclosure.card import Card
from byleave.disclosure.letters import (
    Answer,
    Delivery,
    Onward,
    OrderFile,
    check_answer,
    parse_letter,
)
from byleave.disclosure.parcel import DATA, Chain, Header, Joined, Link, envelope
from byleave.disclosure.row_map import ROW_LABEL
from byleave.disclosure.terms import Terms, require_running
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.bucket import LABEL_BYTES
from byleave.evidence.disclosed import Order, signed_bytes
from byleave.evidence.entry import RecipientKeyEntry, parse_entry
from byleave.evidence.log_proof import LoggedEntry
from byleave.note.keys import SignerKey
from byleave.note.trust import Trust
from byleave.policy.scope import Scope
from byleave.stores.age import seal_stream
from byleave.stores.artefacts import replacing, write_file
from byleave.wiring.recipient_files import (
    ANSWER,
    ORDER,
    SEALED,
    STATE,
    chain_at,
    document_at,
    file_sha256,
    in_order,
    labels_named,
    map_of,
    rewritten,
    safe_name,
)

__all__ = ["OnwardPackages"]

_DOMAIN: Final = b"byleave onward row v1"


class OnwardPackages:
    """What one recipient passed on, one folder for each package and recipient.

    Args:
        root: Folder of them all.
        signer: The recipient's signing key.
        trust: Returns the trust file of the platform's log.
        now: Clock.
        random: Randomness of the keys of packages.
    """

    def __init__(
        self,
        root: Path,
        *,
        signer: SignerKey,
        trust: Callable[[], Trust],
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._root = root
        self._signer = signer
        self._trust = trust
        self._now = now
        self._random = random

    def recipients(self, name: str) -> tuple[str, ...]:
        """Return to whom rows of a package were passed on."""
        states = [document_at(folder / STATE) for folder in self._folders()]
        return tuple(state["recipient"] for state in states if state["place"] == name)

    def make_up(self, place: Path, registration: bytes, *, expires: datetime | None = None) -> Path:
        """Make up a package of the rows held in `place`; return the folder where it lies.

        Its rows get labels of their own, so that its holder can tell nothing from other orders.

        Args:
            place: Folder of the package held; that it may be used was checked.
            registration: The next recipient's registration, as the platform gave it out.
            expires: When its terms run out; never later than one's own.

        Raises:
            InputError: `disclosure.folder`, it was passed on to that recipient already;
                `disclosure.over`, its terms would have run out already.
            RefusedError: `disclosure.may-not-pass-on`, `disclosure.unregistered`.
            WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
        """
        name, path, chain = place.name, place / DATA, chain_at(place)
        above = chain.last
        card, logged = self._registered(registration)
        allowed = above.pass_on.get(above.recipient, ())
        if not above.terms.may_pass_on or card.recipient not in allowed:
            raise RefusedError(
                f"the terms of {name} do not let it go on to {card.recipient}",
                code="disclosure.may-not-pass-on",
            )
        require_running(expires, self._now())
        folder = self._root / f"{name}--{safe_name(card.recipient)}"
        if (folder / STATE).exists():
            raise InputError(
                "it was passed on to that recipient already",
                code="disclosure.folder",
                where=str(folder),
            )
        key, package = self._random(32), f"{safe_name(_name_below(above, card))}{SEALED}"
        sealed = folder / "out" / package
        (folder / "out" / "inbox").mkdir(parents=True, exist_ok=True)
        clear = folder / DATA
        try:
            rewritten(path, clear, lambda table: _renamed(key, table))
            header = self._header(above, card, clear, expires)
            link = Link(
                header=header,
                signature=self._signer.sign(signed_bytes(header.document())),
                registration=logged,
            )
            onward = replace(chain, links=(*chain.links, link))
            with clear.open("rb") as data, replacing(sealed) as stream:
                seal_stream(card.age, Joined(envelope(onward), data), stream)
        finally:
            clear.unlink(missing_ok=True)
        state: dict[str, canonical.Json] = {
            "place": name,
            "recipient": card.recipient,
            "key": key.hex(),
            "chain": onward.document(),
            "package": package,
            "bytes": sealed.stat().st_size,
            "sha256": file_sha256(sealed),
            "orders": [],
        }
        write_file(folder / STATE, canonical.encode(state), private=True)
        self._lay_out(folder)
        return folder / "out"

    def _header(self, above: Header, card: Card, data: Path, expires: datetime | None) -> Header:
        rows = map_of(data, None)
        return Header(
            name=_name_below(above, card),
            parent=above.digest,
            recipient=card.recipient,
            key=card.key,
            terms=_onward_terms(above, card.recipient, expires),
            pass_on={who: to for who, to in above.pass_on.items() if who != above.recipient},
            k=rows.k,
            root=rows.root,
            rows=rows.rows,
            sha256=bytes.fromhex(file_sha256(data)),
            size=data.stat().st_size,
            issued=self._now(),
        )

    def collect(self) -> list[tuple[str, ByleaveError | None]]:
        """Take what one's own recipients sent; return each file with its refusal, or None.

        What is refused is moved aside, to `refused/`.

        Raises:
            WorldError: `world.disk-full`, `world.storage`.
        """
        result: list[tuple[str, ByleaveError | None]] = []
        for folder in self._folders():
            for path in sorted((folder / "out" / "inbox").glob("*"), key=in_order):
                error: ByleaveError | None = None
                try:
                    self._take_onward(folder, path.read_bytes())
                except (ConflictError, EvidenceError, InputError, RefusedError) as found:
                    error = found
                aside = folder / ("taken" if error is None else "refused") / path.name
                aside.parent.mkdir(exist_ok=True)
                path.replace(aside)
                result.append((f"{folder.name}/{path.name}", error))
            self._lay_out(folder)
        return result

    def _take_onward(self, folder: Path, data: bytes) -> None:
        letter = parse_letter(data)
        state = document_at(folder / STATE)
        link = Chain.read(state["chain"]).links[-1]
        if isinstance(letter, Delivery):
            said = (letter.package, letter.root, letter.rows)
            if said != (link.header.digest, link.header.root, link.header.rows):
                raise InputError("not of this package", code="disclosure.wrong-package")
            return
        if not isinstance(letter, Answer):
            raise EvidenceError("not an answer", code="disclosure.package")
        for item in state["orders"]:
            order = Order.read(item["order"])
            if order.digest == letter.statement.order:
                check_answer(letter, order, link.header)
                write_file(folder / "answers" / f"{order.digest.hex()}{ANSWER}", data)
                return
        raise InputError("it answers no order of ours", code="disclosure.wrong-package")

    def order(self, place: Path, order: Order) -> None:
        """Order those to whom rows were passed on to delete theirs; again changes nothing."""
        for folder in self._folders():
            state = document_at(folder / STATE)
            known = {item["order"]["parent"] for item in state["orders"]}
            if state["place"] != place.name or order.digest.hex() in known:
                continue
            own = labels_named(place / DATA, order.labels)
            header = Chain.read(state["chain"]).last
            now = self._now()
            due = min(order.due, now + timedelta(days=header.terms.recall_days))
            labels = _relabelled(bytes.fromhex(state["key"]), own)
            onward = Order(
                package=header.digest,
                number=len(state["orders"]) + 1,
                labels=tuple(sorted(label[:LABEL_BYTES] for label in labels)),
                at=now,
                due=max(due, now),
                parent=order.digest,
            )
            signature = self._signer.sign(signed_bytes(onward.document())).hex()
            item = {"order": onward.document(), "signature": signature}
            changed = {**state, "orders": [*state["orders"], item]}
            write_file(folder / STATE, canonical.encode(changed), private=True)
            self._lay_out(folder)

    def answers(self, place: str | None, order: Order) -> list[Onward] | None:
        """Return what one's own recipients answered to an order; None: one has not answered."""
        found = []
        for folder in self._folders():
            state = document_at(folder / STATE)
            if state["place"] != place:
                continue
            link = Chain.read(state["chain"]).links[-1]
            for item in state["orders"]:
                onward = Order.read(item["order"])
                if onward.parent != order.digest:
                    continue
                path = folder / "answers" / f"{onward.digest.hex()}{ANSWER}"
                if not path.exists():
                    return None
                answer = parse_letter(path.read_bytes())
                if not isinstance(answer, Answer):
                    raise EvidenceError("not an answer", code="disclosure.package")
                signature = bytes.fromhex(item["signature"])
                found.append(Onward(order=onward, signature=signature, link=link, answer=answer))
        return found

    def _lay_out(self, folder: Path) -> None:
        """Write what lies there for one's own recipient: the package while nothing is recalled."""
        state = document_at(folder / STATE)
        out, chain = folder / "out", Chain.read(state["chain"])
        packages, orders = [], []
        if not state["orders"]:
            packages = [
                {"name": state["package"], "bytes": state["bytes"], "sha256": state["sha256"]}
            ]
        else:
            (out / state["package"]).unlink(missing_ok=True)
        for item in state["orders"]:
            order = Order.read(item["order"])
            if (folder / "answers" / f"{order.digest.hex()}{ANSWER}").exists():
                continue
            name = f"{safe_name(chain.last.name)}-recall-{order.number}{ORDER}"
            file = OrderFile(
                order=order,
                signature=bytes.fromhex(item["signature"]),
                chain=chain,
                recall=None,
            )
            write_file(out / name, file.encode())
            orders.append({"name": name})
        listing = {
            "format": "byleave-outbox/v1",
            "origin": self._trust().logs[0].name,
            "recipient": state["recipient"],
            "packages": packages,
            "orders": orders,
        }
        write_file(out / "list", canonical.encode(listing))

    def _registered(self, data: bytes) -> tuple[Card, LoggedEntry]:
        """Read a registration and check that the platform's log holds it."""
        try:
            document: Any = canonical.decode(data.strip())
            card = Card.read(document["card"])
            logged = LoggedEntry.read(document["entry"])
            logged.verify(self._trust())
            entry = parse_entry(logged.entry, RecipientKeyEntry)
        except (ValueError, KeyError, TypeError, ByleaveError) as error:
            raise RefusedError(
                "nothing shows that the platform has registered this recipient",
                code="disclosure.unregistered",
                hint="ask the platform for its registration: byleave disclosure register",
            ) from error
        if (entry.recipient, entry.key, entry.card) != (card.recipient, card.key, card.digest):
            raise RefusedError(
                "the registration is of another card", code="disclosure.unregistered"
            )
        return card, logged

    def _folders(self) -> Iterator[Path]:
        for path in sorted(self._root.glob(f"*/{STATE}")):
            yield path.parent


def _name_below(above: Header, card: Card) -> str:
    return f"{above.name}.{safe_name(card.recipient)}"


def _onward_terms(above: Header, recipient: str, expires: datetime | None) -> Terms:
    own = above.terms
    until = [instant for instant in (expires, own.expires) if instant is not None]
    purpose, category, _ = str(own.use).split("/")
    return Terms(
        disclosure=f"{above.name}.{safe_name(recipient)}",
        recipient=recipient,
        snapshot=own.snapshot,
        use=Scope(purpose=purpose, category=category, recipient=recipient),
        may_train=own.may_train,
        may_pass_on=bool(above.pass_on.get(recipient)),
        recall_days=max(own.recall_days - 2, 0),
        expires=min(until, default=None),
    )


def _renamed(key: bytes, table: pa.Table) -> pa.Table:
    """Return rows under labels of one's own."""
    at = table.column_names.index(ROW_LABEL)
    labels = pa.array(_relabelled(key, table[ROW_LABEL].to_pylist()), pa.binary(32))
    return table.set_column(at, pa.field(ROW_LABEL, pa.binary(32)), labels)


def _relabelled(key: bytes, labels: list[bytes]) -> list[bytes]:
    """Return labels of one's own for rows that are passed on; one HMAC each, in a Python loop."""
    return [hmac.digest(key, _DOMAIN + label, "sha256") for label in labels]
