"""The desk's file forgets a member who is erased, wherever they stood in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import byleave
from byleave.stores.desk import DeskFile, Grantee, OnceOnly
from tests.portal.api_site import site_at


def test_nothing_of_a_forgotten_member_stays(tmp_path: Path) -> None:
    """Links, sessions, where those came from, keys and looks of one member go; others' stay."""
    desk = DeskFile(tmp_path / "desk.sqlite")
    for number, subject in enumerate(("0", "1")):
        member, name = Grantee("member", subject), bytes([number]) * 32
        desk.add_session(name, member, now_us=1, expires_us=10)
        desk.add_outside(name, who=b"who" + name, sid=b"sid" + name)
        desk.add_link(name, member, expires_us=10)
        desk.add_look("platform:crm", number, b"why", day=1)
        desk.take_keys([(f"member:{subject}", "k", "POST /x", name)], now_us=1, until_us=0)
    desk.forget("member", "0")
    desk.close()
    file = sqlite3.connect(tmp_path / "desk.sqlite")
    for table in ("session", "outside", "link", "looked", "answered"):
        [count] = file.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert count == 1, table
    file.close()


def test_signing_out_forgets_where_a_session_came_from(tmp_path: Path) -> None:
    """What a provider could end by is kept no longer than the session."""
    desk = DeskFile(tmp_path / "desk.sqlite")
    desk.add_session(b"s" * 32, Grantee("member", "0"), now_us=1, expires_us=10)
    desk.add_outside(b"s" * 32, who=b"who", sid=None)
    desk.end_session(b"s" * 32)
    assert desk.end_outside(who=b"who", sid=None) == 0
    desk.close()
    file = sqlite3.connect(tmp_path / "desk.sqlite")
    assert file.execute("SELECT count(*) FROM outside").fetchone() == (0,)
    file.close()


def test_a_logout_token_counts_once_for_all_servers(tmp_path: Path) -> None:
    """What one process took another refuses, until the token's own dates refuse it."""
    one, two = DeskFile(tmp_path / "desk.sqlite"), DeskFile(tmp_path / "desk.sqlite")
    at_first = OnceOnly(token=b"t", now_us=1, until_us=10)
    assert one.end_outside(who=b"w", sid=None, once=at_first) == 0
    for later in (2, 9):
        again = OnceOnly(token=b"t", now_us=later, until_us=10)
        assert two.end_outside(who=b"w", sid=None, once=again) is None
    assert (
        two.end_outside(who=b"w", sid=None, once=OnceOnly(token=b"u", now_us=9, until_us=20)) == 0
    )
    assert (
        two.end_outside(who=b"w", sid=None, once=OnceOnly(token=b"t", now_us=10, until_us=20)) == 0
    )
    file = sqlite3.connect(tmp_path / "desk.sqlite")
    assert file.execute("SELECT count(*) FROM logout").fetchone() == (2,)
    file.close()
    one.close()
    two.close()


def test_a_file_of_before_is_taken_up(tmp_path: Path) -> None:
    """A desk file that lacks the newer tables gets them, and keeps what it held."""
    path = tmp_path / "desk.sqlite"
    DeskFile(path).close()
    file = sqlite3.connect(path)
    for table in ("flow", "outside", "looked", "token_reason", "logout"):
        file.execute(f"DROP TABLE {table}")
    file.execute("INSERT INTO session VALUES (x'00', 'member', '7', 1, 10)")
    file.commit()
    file.close()
    desk = DeskFile(path)
    assert desk.session(b"\x00", now_us=2) == Grantee("member", "7")
    desk.add_flow(b"f", role="member", after="", now_us=1, expires_us=10)
    assert desk.take_flow(b"f", now_us=2) == ("member", "")
    assert desk.take_flow(b"f", now_us=2) is None
    desk.close()


def test_an_erased_member_is_signed_out(tmp_path: Path) -> None:
    """Erasing a member ends their sessions and links at once, also in a server that runs."""
    with site_at(tmp_path / "ws") as site:
        gone, stays = site.signed_in("member", "m-1"), site.signed_in("member", "m-2")
        link = site.link("member", "m-1")
        with byleave.open(site.path) as ws:
            ws.member.erase(["m-1"])
        assert gone.get("/me.json").status_code == 401
        assert site.http.get(link).status_code == 410
        assert stays.get("/me.json").status_code == 200
