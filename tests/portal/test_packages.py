"""A recipient's packages over the portal: the client's whole way, ranges, and who is kept out."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.cli.main import main
from byleave.disclosure.card import format_request, request_document
from byleave.errors import ByleaveError, WorldError
from byleave.evidence.disclosed import signed_bytes
from byleave.note.keys import SignerKey
from byleave.wiring.recipient import RecipientFolder
from tests.portal.api_site import SITE, serving
from tests.portal.api_site import Site as Served
from tests.portal.living import Living, living
from tests.recipients import HOST, LOGS, Site, make_site

USE = "train.generative.replies/messages/provider.host"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A platform that offered a package, good today, to a registered recipient."""
    site = make_site(tmp_path_factory.mktemp("portal") / "site")
    with site.open(hours=1) as ws:
        ws.disclosure.offer("messages", USE)
    return site


@pytest.fixture
def site(made: Site, tmp_path: Path) -> Site:
    """A copy that a test may change."""
    return made.copy(tmp_path / "site")


@pytest.fixture
def portal(site: Site) -> Iterator[Living]:
    """It, served on loopback."""
    with living(site.root / "ws") as served:
        yield served


@pytest.fixture
def served(site: Site) -> Iterator[Served]:
    """It, behind a client without a network."""
    with serving(site.root / "ws") as found:
        yield found


def states(site: Site) -> dict[str, str]:
    with byleave.open(site.root / "ws", read_only=True) as ws:
        return {d["disclosure"]: d["state"] for d in ws.disclosure.status()}


def authorised(
    site: Site, path: str, *, method: str = "GET", name: str = "host", at: int = 0
) -> str:
    """The header of a request signed by a recipient's key, now or so many seconds off."""
    folder = RecipientFolder(site.root / name)
    signer = SignerKey.parse((site.root / name / "keys" / "sign.key").read_text().strip())
    instant = int(datetime.now(UTC).timestamp()) + at
    document = request_document(
        origin=folder.trust.logs[0].name, method=method, path=path, at=instant, body=b""
    )
    return format_request(folder.card.key, instant, signer.sign(signed_bytes(document)))


def test_the_whole_way_through_the_portal(site: Site, portal: Living) -> None:
    """Pull, acknowledge, recall, pull, obey, acknowledge from the portal's address: delivered, then
    acknowledged.
    """
    mine = ["-r", str(site.root / "host")]
    assert main(["disclosure", "pull", portal.base, *mine]) == 0
    assert main(["disclosure", "acknowledge", portal.base, *mine]) == 0
    assert states(site)["package-2"] == "delivered"
    where = ["-w", str(site.root / "ws")]
    assert main(["consent", "withdraw", site.agreed[0], "train/messages/*", *where]) == 0
    assert main(["disclosure", "recall", *where]) == 0
    assert main(["disclosure", "pull", portal.base, *mine]) == 0
    assert main(["disclosure", "obey", *mine]) == 0
    assert main(["disclosure", "acknowledge", f"{portal.base}/api/v1/packages", *mine]) == 0
    assert states(site)["package-2"] == "acknowledged"


def test_a_range_goes_on_from_where_it_ended(site: Site, portal: Living) -> None:
    """A download broken off half way goes on from there over the portal, and is the same file."""
    mine = RecipientFolder(site.root / "host")
    outbox = mine.outbox(portal.base)
    (item,) = [p for p in outbox.listing()["packages"] if p["name"].startswith("package-2")]
    target = site.root / "part"
    outbox.fetch(item["name"], target, item["bytes"] // 2)
    half = target.read_bytes()
    assert len(half) >= item["bytes"] // 2
    target.write_bytes(half[: item["bytes"] // 2])
    outbox.fetch(item["name"], target, item["bytes"])
    whole = (site.root / "ws").glob("**/parcels/package-2/package.age")
    assert target.read_bytes() == next(whole).read_bytes()


def test_a_session_fetches_its_own_and_sees_its_orders(site: Site, served: Served) -> None:
    """Signed in, a recipient downloads its package, part of it by Range, and lists its recalls."""
    browser = served.signed_in("recipient", HOST)
    answer = browser.get("/api/v1/packages/package-2")
    assert answer.status_code == 200
    assert answer.content.startswith(b"age-encryption.org")
    part = browser.get("/api/v1/packages/package-2", headers={"range": "bytes=10-"})
    assert (part.status_code, part.content) == (206, answer.content[10:])
    assert browser.get("/api/v1/packages/package-2/recalls").json()["recalls"] == []
    with byleave.open(site.root / "ws") as ws:
        ws.disclosure.recall("package-2")
    (order,) = browser.get("/api/v1/packages/package-2/recalls").json()["recalls"]
    assert order["rows"] > 0
    assert browser.get(order["file"]).content.startswith(b"{")
    assert (
        browser.get("/api/v1/packages/package-2").status_code == 404
    )  # recalled: handed to nobody


def test_another_recipients_is_not_there(served: Served) -> None:
    """What lies there for somebody else answers as what does not exist."""
    browser = served.signed_in("recipient", LOGS)
    for path in (
        "package-2",
        "package-2.age",
        "package-2/recalls",
        "package-9",
        "list.age",
        "...",
    ):
        assert browser.get(f"/api/v1/packages/{path}").status_code == 404
    assert browser.get("/api/v1/packages/list").json()["packages"] == []
    sent = browser.post(
        "/api/v1/packages/package-2/acknowledgements", content=b"{}", headers={"origin": SITE}
    )
    assert sent.status_code == 404


def test_an_answer_signed_by_another_is_refused(site: Site, served: Served) -> None:
    """A letter of one recipient, sent in another's session, is refused and changes nothing."""
    mine = RecipientFolder(site.root / "host")
    mine.pull(mine.outbox(str(lay_out(site))))
    (letter,) = (site.root / "host" / "answers").glob("package-2*.delivery")
    browser = served.signed_in("recipient", LOGS)
    path = f"/api/v1/packages/inbox/{letter.name}"
    answer = browser.post(path, content=letter.read_bytes(), headers={"origin": SITE})
    assert (answer.status_code, answer.json()["code"]) == (403, "disclosure.request")
    assert states(site)["package-2"] == "offered"
    own = served.signed_in("recipient", HOST)
    answer = own.post(path, content=letter.read_bytes(), headers={"origin": SITE})
    assert answer.json()["what"] == "delivery"
    assert states(site)["package-2"] == "delivered"


def lay_out(site: Site) -> Path:
    with byleave.open(site.root / "ws", read_only=True) as ws:
        ws.disclosure.lay_out(HOST, site.root / "out")
    return site.root / "out"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"at": -301}, 403),
        ({"at": 301}, 403),
        ({"path": "/package-2.age"}, 403),
        ({"method": "POST"}, 403),
        ({"name": "stranger"}, 403),
    ],
)
def test_a_signed_request_is_for_one_path_and_five_minutes(
    site: Site, served: Served, changes: dict[str, object], status: int
) -> None:
    """A signature over another path, method or time, or of an unregistered key, is refused."""
    if changes.get("name") == "stranger":
        trust = (site.root / "host" / "trust.policy").read_bytes()
        from byleave.wiring.recipient import make_recipient

        make_recipient(site.root / "stranger", HOST, trust)
    asked: dict[str, object] = {"path": "/list", **changes}
    header = authorised(site, str(asked.pop("path")), **asked)  # type: ignore[arg-type]
    answer = served.http.get("/api/v1/packages/list", headers={"authorization": header})
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["code"] == "disclosure.request"


def test_a_signed_request_opens_nothing_but_packages(site: Site, served: Served) -> None:
    """The same signature is nobody's on any other route."""
    header = authorised(site, "/list")
    for path in ("/api/v1/packages", "/recipient", "/api/v1/answer", "/house"):
        answer = served.http.get(path, headers={"authorization": header})
        assert answer.status_code in {401, 403}


def test_a_letter_may_be_longer_than_a_form(served: Served) -> None:
    """A letter of 5 MiB is read (and refused for what it is); one of 17 MiB, and a form of 5, not."""
    browser: TestClient = served.signed_in("recipient", HOST)
    letter, headers = b"x" * (5 << 20), {"origin": SITE}
    path = "/api/v1/packages/inbox/a.answer"
    assert browser.post(path, content=letter, headers=headers).status_code == 422
    assert browser.post(path, content=b"x" * (17 << 20), headers=headers).status_code == 413
    assert browser.post("/recipient/answer", content=letter, headers=headers).status_code == 413


def test_an_address_that_serves_neither_is_named(site: Site, portal: Living) -> None:
    """An address with a path that holds no packages is an error of the other side, with the address."""
    mine = RecipientFolder(site.root / "host")
    with pytest.raises(WorldError) as caught:
        mine.pull(mine.outbox(f"{portal.base}/nowhere"))
    assert caught.value.code == "disclosure.unreachable"
    assert caught.value.where == f"{portal.base}/nowhere"


def test_the_portals_refusal_comes_with_its_code(site: Site, portal: Living) -> None:
    """A refusal of the portal reaches the client as the error it is."""
    from byleave.wiring.recipient import make_recipient

    trust = (site.root / "host" / "trust.policy").read_bytes()
    make_recipient(site.root / "stranger", HOST, trust)
    stranger = RecipientFolder(site.root / "stranger")
    with pytest.raises(ByleaveError) as caught:
        stranger.pull(stranger.outbox(f"{portal.base}/api/v1/packages"))
    assert caught.value.code == "disclosure.request"


def test_a_package_is_sent_in_pieces(site: Site, portal: Living) -> None:
    """The portal sends the length before the first byte, and stops where a client hangs up."""
    parts = urlsplit(portal.base)
    asked = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    asked.request(
        "GET",
        "/api/v1/packages/package-2.age",
        headers={"Authorization": authorised(site, "/package-2.age")},
    )
    answer = asked.getresponse()
    assert answer.status == 200
    whole = next((site.root / "ws").glob("**/parcels/package-2/package.age"))
    assert int(answer.headers["content-length"]) == whole.stat().st_size
    assert answer.read(21) == whole.read_bytes()[:21]
    asked.close()
