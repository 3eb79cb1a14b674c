"""Signing in at the operator's provider, and out; what a browser says for its member."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "door.title": "Sign in",
    "door.lead": "You go to the sign-in page of this service. Then you come back here.",
    "door.as-member": "See my data and my choices",
    "door.as-operator": "I work here",
    "door.as-auditor": "I check this service",
    "door.as-recipient": "My company gets data from here",
    "door.link": "If you were sent a link, open that link.",
    "door.again": "Try again",
    "door.code": "Code, if you ask for help:",
    "shut.title": "You are not signed in",
    "shut.oidc.denied": "The sign-in was stopped. Nothing here has changed.",
    "shut.oidc.state": "This sign-in was not begun in this browser, or it took too long. Begin again.",
    "shut.oidc.token": "We could not check who you are. So we did not let you in.",
    "shut.oidc.role": "Your account does not open these pages. Ask us if it should.",
    "shut.oidc.unknown": "We have no member with your account's name. Ask us for help.",
    "shut.oidc.provider": "The sign-in page does not answer well just now. Try again in a minute.",
    "bye.title": "You are signed out here",
    "bye.lead": "Nobody sees your pages from this browser until you sign in again.",
    "bye.provider": "You may still be signed in at the sign-in page.",
    "bye.go": "Sign out there too",
    "bye.in": "Sign in again",
    "busy.title": "Too many requests at once",
    "busy.text": "Wait a minute, then try again. Your choices have not changed.",
    "signal.title": "Your browser said no for you",
    "signal.taken": "On {date} your browser told us not to sell or share your data. "
    "We took that as a no to all uses by other companies for their own ends.",
    "signal.record": "See the record",
    "signal.later": "If you say yes to such a use below, your yes counts from then on.",
    "signal.yes-since": "You said yes to such a use since then. Your yes counts for that use.",
}
