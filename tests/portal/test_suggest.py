"""Suggestions over HTTP: whose data is looked at, and how a wrong question is told."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient


def test_a_member_is_known_by_their_link_alone(client: TestClient, token: str) -> None:
    """With a link the message is answered; without one only public suggestions are given."""
    mine = client.post(f"/m/{token}/releases/replies-2/suggest", json={"message": "Hi?"})
    assert mine.status_code == 200
    assert (mine.json()["personal"], mine.json()["schema"]) == (True, "byleave/suggestions/v1")
    assert mine.headers["cache-control"] == "no-store"
    anyone = client.post("/releases/replies-2/suggest")
    assert anyone.json()["personal"] is False
    assert anyone.json()["suggestions"][0]["why"] == "popular"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/releases/replies-2/suggest", {"message": "Hi?"}, 422),
        ("/releases/replies-2/suggest", {"history": ["x"]}, 422),
        ("/releases/replies-2/suggest", {"count": 0}, 422),
        ("/releases/replies-2/suggest", {"count": "3"}, 422),
        ("/releases/replies-2/suggest", {"member": "m1"}, 422),
        ("/releases/none/suggest", {}, 404),
        ("/releases/late/suggest", {}, 409),
        ("/m/wrong/releases/replies-2/suggest", {}, 404),
        ("/releases/replies-2/suggest", {"history": ["x" * 190] * 900}, 413),
    ],
)
def test_wrong_questions_are_told_as_problems(
    client: TestClient, path: str, body: dict[str, Any], status: int
) -> None:
    """A wrong question, an unknown or tainted release and a wrong link answer with a problem."""
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_member_asks_the_wrong_way(client: TestClient, token: str) -> None:
    """A history for a release that takes a message is 422, with the code of the library."""
    answer = client.post(f"/m/{token}/releases/replies-2/suggest", json={"history": ["x"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "training.suggest")


def test_a_body_that_is_no_json(client: TestClient) -> None:
    """Bytes that are no JSON are 422, and the address answers to POST alone."""
    answer = client.post("/releases/replies-2/suggest", content=b"{")
    assert answer.status_code == 422
    assert client.get("/releases/replies-2/suggest").status_code == 405
