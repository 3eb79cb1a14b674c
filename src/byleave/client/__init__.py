"""A typed client of the API that `byleave serve` answers (docs/spec/api.md). Needs `httpx`.

`webhook_is_good` checks what the server tells; it needs nothing.

from byleave.client import Client, Choice

with Client("https://privacy.example.com", token="byl_…") as api:
    api.record([Choice(member="m-1", kind="withdraw", scope="train/*/platform")])
    api.decide("m-1", "train.generative.replies/messages.direct/platform").allowed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byleave.client.client import ApiError, Ask, Choice, Client, Decision, Event
    from byleave.client.webhook import webhook_is_good

__all__ = ["ApiError", "Ask", "Choice", "Client", "Decision", "Event", "webhook_is_good"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562: importing this loads no `httpx`
    if name == "webhook_is_good":
        from byleave.client.webhook import webhook_is_good

        return webhook_is_good
    if name in __all__:
        from byleave.client import client

        return getattr(client, name)
    raise AttributeError(f"module 'byleave.client' has no attribute {name!r}")
