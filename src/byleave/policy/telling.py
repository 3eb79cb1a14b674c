"""Which words of a sentence tell of sharing or of training, for a finding that no rule made."""

from __future__ import annotations

from typing import Final

from byleave.policy.wording import AFFILIATE, AI, DATA, OTHERS, PROVIDER, rx

__all__ = ["telling_words"]

_HANDS_OVER: Final = (
    r"shar|disclos|sell|sold|provid|transfer|send|sent|transmit|giv|pass|releas|suppl|report|"
    r"submit|forward|exchang|rent|licens|deliver|reveal|entrust|communicat|post|publish|hand|"
    r"upload|make|avail|expos"
)
_TAKES: Final = (
    r"receiv|collect|process|access|stor|host|obtain|gather|track|retain|us(?:e|ed|ing)\b"
)
_TELLS: Final = {
    "sharing": rx(
        rf"\b(?:{_HANDS_OVER}|{_TAKES})\w*"
        rf"[^;.!?]{{0,120}}?(?:{DATA}|\b(?:{AFFILIATE}|{PROVIDER}|{OTHERS})(?!\w))"
    ),
    "training": rx(
        rf"\b(?:train|learn|teach|improv|develop|tun|build|enhanc|refin)\w*[^;.!?]{{0,90}}?{AI}"
    ),
}


def telling_words(text: str, about: str) -> str:
    """Return the words from the verb to its object; the whole text where none are found.

    Args:
        text: One sentence.
        about: `sharing` or `training`.
    """
    found = _TELLS[about].search(text)
    return found.group().strip() if found else text
