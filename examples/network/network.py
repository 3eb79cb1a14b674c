"""What the network's pages share: its database, Byleave by its API, the templates.

What may be suggested from somebody's own data is not decided here: the network hands over what the
member has, and shows what comes back, with the reason that came with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from byleave.client import Client

from .store import Store
from .texts import PLANS

__all__ = ["Network"]

_HERE: Final = Path(__file__).parent
_TRAINERS: Final = {"jobs": "role", "content": "item"}
_NOT_YET: Final = "Nothing is suggested yet: there is no model of this kind."
_WHY_NOT: Final = {
    "no-grant": "You have not said yes to this, so nothing of yours was looked at.",
    "withdrawn": "You stopped this, so nothing of yours was looked at.",
    "refused": "You said no to this, so nothing of yours was looked at.",
}
_WHY: Final = {
    "history": "Because you said yes, and you use {}.",
    "profile": "Because you said yes, and your profile has {}.",
    "skills": "Because you said yes, and it asks for {}, which you have.",
    "similar": "Because you said yes, and it is like {}, which you use.",
    "message": "Because you said yes, and the message says {}.",
    "trend": "Many members took this up of late.",
    "popular": "This is what most members have.",
}


class Network:
    """What the pages share.

    Args:
        store: The network's own database.
        api: Byleave, by its API.
        portal: Byleave's address, for the frame.
        provider: The provider's address, for a link.
        folder: Where the operator's job finds both sides; None: no button for it.
    """

    def __init__(
        self, store: Store, api: Client, *, portal: str, provider: str, folder: Path | None
    ) -> None:
        self.store = store
        self.api = api
        self.portal = portal
        self.provider = provider
        self.folder = folder
        self._pages = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters["hue"] = lambda label: sum(label.encode()) % 5

    def page(self, template: str, **facts: object) -> HTMLResponse:
        """Write a page."""
        shared = {
            "origin": self.store.fact("origin"),
            "portal": self.portal,
            "provider": self.provider,
            "me": None,
            "here": f"/{template.partition('.')[0]}".replace("thread", "messages"),
        }
        return HTMLResponse(self._pages.get_template(template).render(shared | facts))

    def suggest(
        self, account: str, trainer: str, *, message: str | None = None, count: int = 4
    ) -> dict[str, Any]:
        """Return what a model suggests to a member, each with a sentence that says why."""
        release = self.release(trainer)
        if release is None:
            return {"release": None, "personal": False, "note": _NOT_YET, "items": []}
        target = _TRAINERS.get(trainer)
        has = self.store.has(account, *(("role", "skill") if target == "role" else (target or "",)))
        history = [r["item"] if target == "item" else f"{r['kind']}:{r['item']}" for r in has]
        found = self.api.suggest(
            account, release["release"], message=message, history=history, count=count
        )
        items = [
            {"text": s["text"].removeprefix("role:"), "why": _sentence(s, found["reason"])}
            for s in found["suggestions"]
        ]
        if found["personal"]:
            self.store.remember(account, release["use"].split("/")[0], [i["text"] for i in items])
        return {
            "release": release["release"],
            "personal": found["personal"],
            "note": None,
            "items": items,
        }

    def question(self, account: str, trainer: str, suggested: dict[str, Any]) -> str | None:
        """Return where the member is asked what this page could use; None: not now.

        Asked at the moment of use, and once: what may be shown, and when again, is Byleave's to say.

        Args:
            account: Who looks at the page.
            trainer: Whose suggestions it shows.
            suggested: Those; made from their own data, there is nothing to ask.
        """
        if suggested["personal"]:
            return None
        plan = next(plan for plan in PLANS if plan.trainer == trainer)
        return self.api.ask(account, notice=f"{plan.source}-1", link=True).url

    def release(self, trainer: str) -> dict[str, Any] | None:
        """Return the newest release of a trainer that nothing has replaced, or None."""
        return next(
            (
                release
                for release in reversed(list(self.api.releases()))
                if release["trainer"] == trainer and release["superseded_by"] is None
            ),
            None,
        )


def _sentence(suggestion: dict[str, Any], reason: str) -> str:
    if reason != "kept":
        refused = _WHY_NOT.get(reason, f"Nothing of yours was looked at ({reason}).")
        return f"{refused} {_WHY.get(suggestion['why'], _WHY['popular'])}"
    because = [str(one).partition(":")[2] or str(one) for one in suggestion["because"]]
    names = " and ".join([", ".join(because[:-1]), because[-1]] if because[1:] else because)
    return _WHY[suggestion["why"]].format(names) if because else _WHY["popular"]
