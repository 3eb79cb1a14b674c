"""The whole API against its own OpenAPI document: no request makes it fail, no answer is undescribed."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.portal.api_site import Site, site_at


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_at(tmp_path_factory.mktemp("schema") / "ws") as made:
        yield made


def test_no_request_makes_the_server_fail(site: Site) -> None:
    """Whatever the schema allows or nearly allows, an answer comes, it is never a 5xx, and a
    refusal of the API is a problem document.
    """
    document = site.http.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    headers = {**site.token(), "origin": "http://testserver"}
    keys = itertools.count()
    seen = set()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        seen.add((operation.method.upper(), operation.path))
        strategy = st.one_of(
            operation.as_strategy(),
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        )

        @given(case=strategy)
        @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
        def ask(case: schemathesis.Case) -> None:
            sent: dict[str, Any] = case.as_transport_kwargs(base_url="http://testserver")
            drawn = {name.lower(): str(value) for name, value in sent.get("headers", {}).items()}
            own = {**headers, "idempotency-key": f"s-{next(keys)}"}
            # as bytes: the client would refuse to send what is not ASCII
            sent["headers"] = {name: value.encode() for name, value in {**drawn, **own}.items()}
            sent.pop("cookies", None)
            answer = site.http.request(**sent)
            assert answer.status_code < 500, (case.method, case.path, answer.text[:300])
            if answer.status_code >= 400 and case.path.startswith("/api/"):
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ask()
    listed = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert seen == listed
