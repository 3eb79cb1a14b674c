"""Checking a proof in the browser. What a check found is told in the verifier's own words."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "check.title": "Check a proof here",
    "check.lead": "Choose a proof you saved. Your browser checks it, step by step.",
    "check.private": "The files you choose stay on your machine. Nothing is sent.",
    "check.without": "This page needs JavaScript",
    "check.without-why": "It is the one page here that does. You can check on your own machine too.",
    "check.proof": "The proof file",
    "check.linked": "Loaded from this site:",
    "check.unlinked": "The proof could not be loaded. Save it, then choose the file.",
    "check.trust": "The trust file",
    "check.trust-why": "It names whose word you take. Get it from someone you trust, not from "
    "this site. With this site's own file you only learn that the site agrees with itself.",
    "check.pasted": "Or paste the trust file",
    "check.receipt": "Your receipt, if the proof needs one",
    "check.go": "Check it",
    "check.working": "Checking …",
    "check.yes": "It holds",
    "check.no": "It does not hold",
    "check.unchecked": "Not checked here",
    "check.limits": "This does not show:",
    "check.steps": "Each step",
    "check.state-ok": "holds.",
    "check.state-fail": "fails.",
    "check.state-not-run": "not run.",
    "check.missing": "Something is missing",
    "check.no-proof": "Choose a proof file first.",
    "check.no-trust": "Choose or paste a trust file first. None is used unless you give it.",
    "check.fault": "The check itself broke off. Nothing was shown",
    "check.large": "This file is over 16 MiB.",
    "check.keep": "Keep this page",
    "check.keep-why": "This site could send you a page that lies. So save the page, compare its "
    "digest with one from elsewhere, and open the file without a network.",
    "check.keep-go": "Save the page as one file",
    "check.keep-digest": "SHA-256 of that file:",
    "check.strongest": "The strongest check is the free program on your own machine.",
    "check.saved": "Byleave, a saved page",
}
