"""The nouns of what leaves the platform: `ws.disclosure`.

Each method calls one service and publishes the log when it wrote to it.
"""

from __future__ import annotations

from typing import Any

from byleave.service import (
    disclose,
)
from byleave.wiring.consent_nouns import Noun

__all__ = ["Disclosures"]


class Disclosures(Noun):
    """Packages for recipients."""

    def offer(self, name: str, use: str) -> disclose.Offer:
        """Gate a source for a recipient and offer what passed."""
        self._writable()
        try:
            return disclose.offer(self._house, name, use)
        finally:
            self._house.log.publish()

    def list(self) -> list[dict[str, Any]]:
        """Return every disclosure's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("disclosure")
        ]
