"""Pages that anyone may read: models, texts, one version, one release."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "public.report": "Transparency report",
    # the public page
    "public.title": "Whose data trains our models",
    "public.what": "We train some models on what members write. Silence is never counted as a yes.",
    "public.every-party": "A message belongs to everyone in it. If anyone in a chat says no, we do not use that chat.",
    "public.log": "Each rule, choice, data set and model has an entry in a public log. "
    "If an old entry is changed, all who noted the log before can see it.",
    "public.generated": "This page is made from that log and its ledgers. Nobody typed it.",
    "public.releases": "Models we released",
    "public.releases-none": "No model has been released. The first one will be listed here.",
    "public.policies": "Our texts over time",
    "public.policies-none": "No text has been published. The first one will be listed here.",
    "public.policies-rule": "A new text never widens an old yes. A new use needs a new yes.",
    "public.checkpoint": "The log now",
    "public.checkpoint-why": "Note these three lines. If the log is changed later, they will not fit.",
    "public.trust": "The trust file says which key signs the log. Get it from someone you trust.",
    "public.trust-file": "Download the trust file",
    "public.demo-members": "Look at a member's own page",
    "public.demo-members-why": "In real life only the member gets this link.",
    "public.member": "Are you a member? Ask for your own link. It shows where your data went.",
    # one policy version
    "policy.text": "The exact text",
    "policy.text-none": "The text is not kept here. Its digest is.",
    "policy.adds": "New uses it names",
    "policy.removes": "Uses it no longer names",
    "policy.same": "It names the same uses as the text before.",
    "policy.announced": "Announced",
    "policy.announced-none": "It was not announced before.",
    "policy.effective": "In force from",
    "policy.recorded": "Logged",
    "policy.window": "Days of notice",
    "policy.no-effect": "Publishing it changed nobody's choice.",
    # one release
    "release.model": "Model digest",
    "release.trained-on": "Trained on",
    "release.trained": "It was trained on {rows} from {members}.",
    "release.exact": "It can be rebuilt without a member, to the same bytes as if they were never in it.",
    "release.approximate": "This kind of model cannot be rebuilt exactly. It gets no certificate.",
    "release.parent": "It replaced {parent}, after members withdrew.",
    "release.superseded": "It was replaced by {release}.",
    "release.tainted": "A withdrawal is past its date here. This model must not be used.",
    "release.gate": "What the gate let through",
    "release.gate-kept": "{kept} of {rows} records passed the gate.",
    "release.left-out": "Why records were left out",
    "release.left-out-rule": "Each record counts once, under its first reason.",
}
"""Key → sentence."""
