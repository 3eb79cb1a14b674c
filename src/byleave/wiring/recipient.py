"""A recipient's side: a folder with its own keys, what it pulled, what it has to delete.

    DIR/recipient.json            who it is
    DIR/card.json                 to hand to the platform
    DIR/trust.policy              the trust file of the platform's log
    DIR/keys/age.key, sign.key    0600
    DIR/incoming/                 downloads that are not whole yet
    DIR/held/NAME/                data.parquet, package.json, state.json
    DIR/orders/                   orders not obeyed yet
    DIR/answers/                  what is to be sent: deliveries and answers
    DIR/onward/NAME--WHO/         a package passed on: its key, its rows' map, orders and answers

It needs no workspace and no ledger: base package and the extra `recipient` alone. An order is
carried out in this sequence, so that a crash at any point is made good by running it again:
(1) the rows left are written beside the copy, (2) renamed over it, (3) the state is written,
(4) the answer is signed and written, (5) the order is removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from byleave import canonical
from byleave.disclosure.card import Card, format_request, request_document
from byleave.disclosure.letters import (
    Answer,
    Delivery,
    OrderFile,
    check_order,
    parse_letter,
    unsigned_answer,
)
from byleave.disclosure.parcel import (
    DATA,
    Chain,
    Header,
    check_chain,
    check_data,
    check_use,
    read_envelope,
)
from byleave.errors import (
    ByleaveError,
    ConflictError,
    EvidenceError,
    InputError,
    RefusedError,
)
from byleave.evidence.bucket import LABEL_BYTES
from byleave.evidence.disclosed import Order, signed_bytes
from byleave.ids import format_instant
from byleave.note.keys import SignerKey
from byleave.note.trust import Trust, parse_trust
from byleave.stores.age import age_key, new_age_identity, open_stream
from byleave.stores.artefacts import replacing, write_file
from byleave.stores.outbox import FolderOutbox, Outbox, WebOutbox
from byleave.wiring.onward import OnwardPackages
from byleave.wiring.recipient_files import (
    ANSWER,
    DELIVERY,
    ORDER,
    PACKAGE,
    SEALED,
    STATE,
    chain_at,
    copy_changed,
    document_at,
    file_sha256,
    in_order,
    labels_named,
    map_of,
    read_listing,
    read_order,
    rewrite_without,
    safe_name,
    state_at,
)
from byleave.wiring.recipient_held import Held, Pulled
from byleave.wiring.world import system_bytes, system_now

__all__ = ["Held", "Pulled", "RecipientFolder", "make_recipient"]

_WHO: Final = "recipient.json"
_CARD: Final = "card.json"
_TRUST: Final = "trust.policy"
_CLEAR: Final = "package.clear"


def make_recipient(
    folder: Path,
    recipient: str,
    trust: bytes,
    *,
    random: Callable[[int], bytes] = system_bytes,
) -> Card:
    """Make a recipient's folder and keys; return the card to hand to the platform.

    Args:
        folder: A folder that does not exist, or is empty.
        recipient: Its dotted name, as the platform's taxonomy has it.
        trust: The trust file of the platform's log.
        random: Draws both keys.

    Raises:
        InputError: `disclosure.folder`, a recipient stands there; `disclosure.card`, no name.
        EvidenceError: `trust.malformed`.
        WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
    """
    if (folder / _WHO).exists() or (folder / "keys").exists():
        raise InputError(
            "a recipient stands there already; its keys must not be replaced",
            code="disclosure.folder",
            where=str(folder),
        )
    parse_trust(trust)
    identity = new_age_identity(random(32))
    signer = SignerKey(name=recipient, seed=random(32))
    card = Card(recipient=recipient, age=age_key(identity), key=signer.verifier.public)
    Card.read(card.document())
    write_file(folder / "keys" / "age.key", f"{identity}\n".encode(), private=True)
    write_file(folder / "keys" / "sign.key", f"{signer.format()}\n".encode(), private=True)
    write_file(folder / _TRUST, trust)
    write_file(folder / _CARD, card.signed(signer))
    write_file(folder / _WHO, canonical.encode({"format": "byleave-recipient-folder/v1"}))
    return card


class RecipientFolder:
    """One recipient.

    Args:
        folder: Its folder.
        now: Clock.
        random: Randomness of the keys of packages that it passes on.

    Raises:
        InputError: `disclosure.folder`, none stands there.
        EvidenceError: Codes of `Card.parse`, `parse_trust`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], datetime] = system_now,
        random: Callable[[int], bytes] = system_bytes,
    ) -> None:
        self.folder = folder
        self._now = now
        self._random = random
        if not (folder / _WHO).exists():
            raise InputError(
                "no recipient stands here",
                code="disclosure.folder",
                where=str(folder),
                hint="byleave disclosure keygen makes one",
            )
        self.card = Card.parse((folder / _CARD).read_bytes())
        self._signer = SignerKey.parse((folder / "keys" / "sign.key").read_text("ascii").strip())
        self._onward = OnwardPackages(
            folder / "onward", signer=self._signer, trust=lambda: self.trust, now=now, random=random
        )

    @property
    def trust(self) -> Trust:
        """The trust file of the platform's log."""
        return parse_trust((self.folder / _TRUST).read_bytes())

    # --- pulling ---------------------------------------------------------------------------------

    def outbox(self, where: str) -> Outbox:
        """Return what lies for this recipient at an address or in a folder.

        Raises:
            InputError: `input.not-found`, `log.address`.
        """
        if where.startswith(("http://", "https://")):
            return WebOutbox(where, self._authorise)
        return FolderOutbox(Path(where))

    def pull(self, outbox: Outbox) -> Pulled:
        """Fetch what lies there: packages not held yet, orders not obeyed yet.

        What cannot be taken on, or came in part (`disclosure.half-downloaded`: pull again), is named;
        everything else is taken on all the same.

        Raises:
            EvidenceError: `disclosure.package`, the list is none.
            RefusedError: `disclosure.request`.
            WorldError: `disclosure.unreachable`; `world.disk-full`, `world.storage`.
        """
        packages, orders = read_listing(outbox.listing())
        taken: list[str] = []
        came: list[str] = []
        refused: list[tuple[str, ByleaveError]] = []
        for name, size, sha256 in packages:
            if self._has(sha256):
                continue
            try:
                taken.append(self._fetch(outbox, name, size, sha256))
            except (ConflictError, EvidenceError, InputError, RefusedError) as error:
                refused.append((name, error))
        for name in orders:
            try:
                if self._take_order(name, outbox.read(name)):
                    came.append(name.removesuffix(ORDER))
            except (EvidenceError, InputError, RefusedError) as error:
                refused.append((name, error))
        return Pulled(packages=tuple(taken), orders=tuple(came), refused=tuple(refused))

    def _fetch(self, outbox: Outbox, name: str, size: int, sha256: str) -> str:
        target = self.folder / "incoming" / name
        if target.exists() and target.stat().st_size > size:
            target.unlink()  # another file of this name was begun
        outbox.fetch(name, target, size)
        if file_sha256(target) != sha256:
            target.unlink()
            raise EvidenceError(
                "the download is not the file that was listed", code="disclosure.damaged"
            )
        opened = self.open_file(target, sha256=sha256)
        target.unlink()
        return opened

    def open(self, sealed: bytes, *, sha256: str | None = None) -> str:
        """Do what `open_file` does, of bytes at hand."""
        path = self.folder / "incoming" / f"by-hand{SEALED}"
        write_file(path, sealed)
        try:
            return self.open_file(path, sha256=sha256)
        finally:
            path.unlink()

    def open_file(self, sealed: Path, *, sha256: str | None = None) -> str:
        """Decrypt, check and take on one package; return its name.

        Nothing is held before every check has passed. Rows go to the disk, 0600, and are read from
        there a row group at a time; of each row 48 bytes are held, for the map.

        Raises:
            InputError: `disclosure.wrong-key`, `disclosure.wrong-package`.
            EvidenceError: `disclosure.damaged`, `disclosure.package`, `disclosure.package-path`,
                `disclosure.chain`, `disclosure.signature`, `disclosure.roots`, or a code of the
                log's proof.
            RefusedError: `disclosure.expired`, `disclosure.may-not-pass-on`.
            WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
        """
        clear, data = (self.folder / "incoming" / name for name in (_CLEAR, DATA))
        try:
            return self._open(sealed, clear, data, sha256)
        finally:
            clear.unlink(missing_ok=True)
            data.unlink(missing_ok=True)

    def _open(self, sealed: Path, clear: Path, data: Path, sha256: str | None) -> str:
        identity = (self.folder / "keys" / "age.key").read_text("ascii").strip()
        with sealed.open("rb") as source, replacing(clear, private=True) as target:
            open_stream(identity, source, target)
        with clear.open("rb") as source:
            chain = read_envelope(source)
            with replacing(data, private=True) as target:
                shutil.copyfileobj(source, target)
        clear.unlink()
        check_data(chain.last, data.stat().st_size, bytes.fromhex(file_sha256(data)))
        header = self._own(chain)
        check_use(header, now=self._now())
        rows = map_of(data, header.k)
        if (rows.root, rows.rows) != (header.root, header.rows):
            raise EvidenceError(
                "the rows do not lead to the root in the log", code="disclosure.roots"
            )
        name = safe_name(header.name)
        place = self.folder / "held" / name
        state: dict[str, canonical.Json] = {
            "package": header.digest.hex(),
            "sealed": sha256,
            "root": header.root.hex(),
            "rows": header.rows,
            "obeyed": [],
        }
        write_file(place / PACKAGE, canonical.encode({"chain": chain.document()}))
        data.replace(place / DATA)
        self._deliver(name, header)
        write_file(place / STATE, canonical.encode(state))  # from here on it is held
        return name

    def _deliver(self, name: str, header: Header) -> None:
        said = Delivery(
            package=header.digest,
            recipient=header.recipient,
            root=header.root,
            rows=header.rows,
            at=self._now(),
        )
        signed = replace(said, signature=self._sign(said.document()))
        write_file(self.folder / "answers" / f"{name}{DELIVERY}", signed.encode())

    def _own(self, chain: Chain) -> Header:
        header = check_chain(chain, self.trust)
        if (header.recipient, header.key) != (self.card.recipient, self.card.key):
            raise InputError("the package is for somebody else", code="disclosure.wrong-package")
        return header

    def _take_order(self, name: str, data: bytes) -> bool:
        """Keep an order once it is checked; False: it was obeyed already."""
        file = parse_letter(data)
        if not isinstance(file, OrderFile):
            raise EvidenceError("not an order", code="disclosure.package")
        header = self._own(file.chain)
        check_order(file, self.trust)
        place = self._place_of(header)
        if place is not None and file.order.digest.hex() in state_at(place)["obeyed"]:
            return False
        path = self.folder / "orders" / f"{safe_name(name.removesuffix(ORDER))}{ORDER}"
        if (self.folder / "answers" / f"{path.stem}{ANSWER}").exists() or path.exists():
            return False
        if place is not None:
            held = {label[:LABEL_BYTES] for label in labels_named(place / DATA, file.order.labels)}
            if not held.issuperset(file.order.labels):
                raise EvidenceError(
                    "the order names a row that the package never held",
                    code="disclosure.row-unknown",
                )
        write_file(path, data)
        return True

    # --- using and obeying -----------------------------------------------------------------------

    def held(self) -> list[Held]:
        """Return every package held, with what is left of it."""
        return [self._held(place) for place in self._places()]

    def use(self, name: str) -> Path:
        """Return where a package's rows are, if they may be used now.

        Raises:
            InputError: `workspace.unknown-object`.
            RefusedError: `disclosure.expired`; `disclosure.recall-open`.
        """
        place = self._place(name)
        check_use(chain_at(place).last, now=self._now())
        if self._held(place).waiting:
            raise RefusedError(
                f"rows of {name} are recalled and not deleted yet",
                code="disclosure.recall-open",
                hint="byleave disclosure obey",
            )
        return place / DATA

    def obey(self, refused: list[tuple[str, ByleaveError]] | None = None) -> list[dict[str, Any]]:
        """Delete the rows of every order, in the order in which they were sent; draft the answers.

        Rows that were passed on get an order of their own; an answer waits until those to whom
        they went have answered (`sign_answers`). A package whose copy is not as it has to be keeps
        its orders, and nothing of it is deleted; those of other packages are obeyed all the same.

        Args:
            refused: Takes (order, error) of what could not be obeyed; None: the first of them is
                raised, once the others are done.

        Raises:
            EvidenceError: `disclosure.copy-changed`, the copy is not what was delivered, less what
                was deleted for earlier orders; `disclosure.row-unknown`, it never held a row.
            WorldError: `world.disk-full`, `world.storage`.
        """
        done: list[dict[str, Any]] = []
        failed: list[tuple[str, ByleaveError]] = []
        stuck: set[bytes] = set()
        for path in self._orders():
            package = read_order(path).order.package
            if package in stuck:
                continue  # its orders are obeyed one after another
            try:
                done.append(self._obey(path))
            except EvidenceError as error:
                stuck.add(package)
                failed.append((path.name.removesuffix(ORDER), error))
        if refused is not None:
            refused += failed
        elif failed:
            raise failed[0][1]
        return done

    def _obey(self, path: Path) -> dict[str, Any]:
        """Obey one order; the copy is read back, also as the order before it left it."""
        file = read_order(path)
        header = self._own(file.chain)
        check_order(file, self.trust)
        place = self._place_of(header)
        if place is None:
            return self._answer_unheld(path, file, header)
        state = state_at(place)
        before = map_of(place / DATA, header.k)
        digest = file.order.digest.hex()
        begun = state.get("begun")
        if begun is None or begun["order"] != digest:
            if before.root.hex() != state["root"]:
                raise copy_changed()
            missing = ~before.holds(file.order.labels)
            if missing.any():
                raise EvidenceError(
                    "the order names a row that the package never held",
                    code="disclosure.row-unknown",
                )
            after, proof = before.without(file.order.labels)
            unsigned = unsigned_answer(
                header, file.order, at=self._now(), change=(before.root, after.root, proof)
            )
            answer = {"answer": unsigned.document(), "order": file.order.document()}
            self._onward.order(place, file.order)
            begun = {"order": digest, "after": after.root.hex(), "answer": answer}
            write_file(place / STATE, canonical.encode({**state, "begun": begun}))
            rewrite_without(place / DATA, file.order.labels)
        elif before.root.hex() != begun["after"]:
            if before.root.hex() != state["root"]:
                raise copy_changed()
            rewrite_without(place / DATA, file.order.labels)
        name = path.name.removesuffix(ORDER)
        draft = {"place": place.name, **begun["answer"]}
        write_file(self.folder / "drafts" / f"{name}.json", canonical.encode(draft))
        done = {
            **{key: value for key, value in state.items() if key != "begun"},
            "root": begun["after"],
            "rows": state["rows"] - len(file.order.labels),
            "obeyed": [*state["obeyed"], digest],
        }
        write_file(place / STATE, canonical.encode(done))
        path.unlink()
        return {
            "order": name,
            "package": place.name,
            "deleted": len(file.order.labels),
            "left": done["rows"],
            "before": state["root"],
            "after": begun["after"],
        }

    def _answer_unheld(self, path: Path, file: OrderFile, header: Header) -> dict[str, Any]:
        """Answer for a package that was recalled before it was ever opened here."""
        name = path.name.removesuffix(ORDER)
        unsigned = unsigned_answer(header, file.order, at=self._now(), change=None)
        draft = {"place": None, "answer": unsigned.document(), "order": file.order.document()}
        write_file(self.folder / "drafts" / f"{name}.json", canonical.encode(draft))
        path.unlink()
        return {
            "order": name,
            "package": header.name,
            "deleted": 0,
            "left": 0,
            "before": header.root.hex(),
            "after": header.root.hex(),
        }

    # --- answering -------------------------------------------------------------------------------

    def sign_answers(self) -> tuple[list[str], list[str]]:
        """Sign the answers to all orders obeyed; return those signed, and those that wait.

        An answer waits as long as one to whom the rows were passed on has not answered.
        """
        signed, waiting = [], []
        for path in sorted((self.folder / "drafts").glob("*.json"), key=in_order):
            draft = document_at(path)
            order = Order.read(draft["order"])
            onward = self._onward.answers(draft["place"], order)
            if onward is None:
                waiting.append(path.stem)
                continue
            unsigned = Answer.read(draft["answer"])
            digests = tuple(item.answer.statement.digest for item in onward)
            statement = replace(unsigned.statement, onward=digests)
            answer = Answer(
                statement=statement,
                signature=self._sign(statement.document()),
                proof=unsigned.proof,
                onward=tuple(onward),
            )
            write_file(self.folder / "answers" / f"{path.stem}{ANSWER}", answer.encode())
            path.unlink()
            signed.append(path.stem)
        return signed, waiting

    def acknowledge(self, outbox: Outbox) -> list[tuple[str, ByleaveError | None]]:
        """Send deliveries and signed answers; return each with the other side's refusal, or None.

        What was refused stays, except a delivery of what was recalled meanwhile: its answer says
        the same, and more.

        Raises:
            RefusedError: `disclosure.request`.
            WorldError: `disclosure.unreachable`; `world.disk-full`, `world.storage`.
        """
        result: list[tuple[str, ByleaveError | None]] = []
        for path in self._letters():
            try:
                outbox.put(path.name, path.read_bytes())
            except (ConflictError, EvidenceError, InputError, RefusedError) as error:
                if error.code == "disclosure.request":
                    raise
                late = path.suffix == DELIVERY and error.code == "disclosure.order"
                result.append((path.name, None if late else error))
                if not late:
                    continue
            else:
                result.append((path.name, None))
            sent = self.folder / "sent" / path.name
            sent.parent.mkdir(exist_ok=True)
            path.replace(sent)
        return result

    def _letters(self) -> list[Path]:
        answers = self.folder / "answers"
        found = [*answers.glob(f"*{DELIVERY}"), *answers.glob(f"*{ANSWER}")]
        return sorted(found, key=lambda path: (path.suffix == ANSWER, in_order(path)))

    # --- passing on ------------------------------------------------------------------------------

    def pass_on(self, name: str, registration: bytes, *, expires: datetime | None = None) -> Path:
        """Make up a package of rows held for a recipient of one's own; return where it lies.

        Args:
            name: The package held.
            registration: The next recipient's registration, as the platform gave it out.
            expires: When its terms run out; never later than one's own.

        Raises:
            InputError: `workspace.unknown-object`, `disclosure.folder`, `disclosure.over`.
            RefusedError: `disclosure.expired`, `disclosure.recall-open`,
                `disclosure.may-not-pass-on`, `disclosure.unregistered`.
            WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
        """
        path = self.use(name)
        return self._onward.make_up(path.parent, registration, expires=expires)

    def collect(self) -> list[tuple[str, ByleaveError | None]]:
        """Take what one's own recipients sent (`OnwardPackages.collect`)."""
        return self._onward.collect()

    # --- its own folder --------------------------------------------------------------------------

    def _sign(self, document: Mapping[str, Any]) -> bytes:
        return self._signer.sign(signed_bytes(document))

    def _authorise(self, method: str, path: str, body: bytes) -> str:
        at = int(self._now().timestamp())
        document = request_document(
            origin=self.trust.logs[0].name, method=method, path=path, at=at, body=body
        )
        return format_request(self.card.key, at, self._sign(document))

    def _held(self, place: Path) -> Held:
        state, header = state_at(place), chain_at(place).last
        waiting = 0
        for path in self._orders():
            order = read_order(path).order
            if order.package == header.digest:
                waiting += len(order.labels)
        expires = header.terms.expires
        return Held(
            name=place.name,
            rows=state["rows"],
            recalled=header.rows - state["rows"],
            waiting=waiting,
            expires=None if expires is None else format_instant(expires),
            expired=expires is not None and self._now() >= expires,
            passed_on=self._onward.recipients(place.name),
            path=place / DATA,
        )

    def _has(self, sha256: str) -> bool:
        return any(state_at(place).get("sealed") == sha256 for place in self._places())

    def _places(self) -> list[Path]:
        return [p.parent for p in sorted((self.folder / "held").glob(f"*/{STATE}"))]

    def _place(self, name: str) -> Path:
        place = self.folder / "held" / safe_name(name)
        if not (place / STATE).exists():
            raise InputError(f"no package {name!r} is held", code="workspace.unknown-object")
        return place

    def _place_of(self, header: Header) -> Path | None:
        digest = header.digest.hex()
        return next((p for p in self._places() if state_at(p)["package"] == digest), None)

    def _orders(self) -> list[Path]:
        return sorted((self.folder / "orders").glob(f"*{ORDER}"), key=in_order)
