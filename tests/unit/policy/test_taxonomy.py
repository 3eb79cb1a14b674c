"""The three trees."""

from __future__ import annotations

import pytest

from byleave.errors import InputError
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy, default_taxonomy, parse_taxonomy

TAXONOMY = default_taxonomy()
ACME = """\
taxonomy: v1
version: "acme-1"
recipients:
  provider.acme: {sentence: Acme Ltd., phrase: Acme Ltd, since: acme-1}
"""


def extended(text: str) -> Taxonomy:
    """Extend the default pack by a document."""
    return TAXONOMY.extend(read_mapping(text, name="own.yaml"))


def test_pack_names_what_the_design_names() -> None:
    """The shipped pack holds the leaves that the design asks for."""
    wanted = {
        "purposes": "service.delivery service.security train.ranking.jobs train.ranking.content "
        "train.generative.replies train.generative.writing train.safety",
        "categories": "profile.identity profile.employment profile.education profile.skills "
        "network.connections content.posts content.comments messages.direct messages.inmail "
        "messages.group messages.draft messages.assistant activity.feed activity.jobs inferred",
        "recipients": "platform",
    }
    for tree, names in wanted.items():
        assert set(TAXONOMY.leaves(tree)) == set(names.split())


def test_dpv_terms_are_in_dpv_namespaces() -> None:
    """Every DPV IRI lies in the vocabulary or its personal-data extension."""
    terms = [*TAXONOMY.purposes.values(), *TAXONOMY.categories.values()]
    for term in [*terms, *TAXONOMY.recipients.values()]:
        assert term.dpv is None or term.dpv.startswith(
            ("https://w3id.org/dpv#", "https://w3id.org/dpv/pd#")
        )


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("train.safety/messages.inmail", "use.malformed", None),
        ("Train/messages/platform", "use.malformed", None),
        ("train.safty/messages.inmail/platform", "use.unknown-term", "train.safety"),
        ("train.safety/messages.mail/platform", "use.unknown-term", "messages.inmail"),
        ("train.safety/messages.inmail/provider.acme", "use.unknown-term", "provider"),
        ("train/messages.inmail/platform", "use.not-leaf", "train.safety"),
        ("train.safety/*/platform", "use.not-leaf", "inferred"),
        ("train.safety/messages.inmail/provider", "use.not-leaf", "provider.acme"),
    ],
)
def test_only_known_leaves_are_uses(text: str, code: str, hint: str | None) -> None:
    """What is no leaf triple is refused with its code and the nearest name."""
    with pytest.raises(InputError) as caught:
        TAXONOMY.use(text)
    assert caught.value.code == code
    assert hint is None or hint in (caught.value.hint or "")


def test_expand_gives_all_leaves_below() -> None:
    """A scope expands to exactly the leaf uses it covers."""
    everything = TAXONOMY.expand(Scope.parse("*/*/*"))
    assert len(everything) == 7 * 15
    scope = Scope.parse("train.generative/messages/platform")
    assert TAXONOMY.expand(scope) == tuple(u for u in everything if scope.covers(u))


def test_groups_are_never_leaves() -> None:
    """A scope to a group that nobody filled expands to nothing."""
    assert TAXONOMY.expand(Scope.parse("train/messages/provider")) == ()


def test_operator_adds_terms() -> None:
    """An extension's recipient can be used, and changes version and digest."""
    more = extended(ACME)
    use = more.use("train.safety/messages.inmail/provider.acme")
    assert more.sentence(use).endswith("with your InMail messages, by Acme Ltd.")
    assert more.version == "2026-11-01+acme-1"
    assert more.digest != TAXONOMY.digest
    assert Scope.parse("train/messages/provider").covers(use)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("provider.acme", "partner.acme", "taxonomy.malformed"),
        ("provider.acme", "Provider.acme", "taxonomy.malformed"),
        ("provider.acme", "platform", "taxonomy.malformed"),
        ("sentence", "sentense", "input.unknown-field"),
        ("taxonomy: v1", "taxonomy: v2", "taxonomy.malformed"),
        ("since: acme-1", "draft: true, since: x", "taxonomy.malformed"),
        ("since: acme-1", "since: x, replaced_by: no.such", "taxonomy.malformed"),
    ],
)
def test_extensions_change_nothing_else(old: str, new: str, code: str) -> None:
    """An extension may add terms below known ones, and do nothing else."""
    with pytest.raises(InputError) as caught:
        extended(ACME.replace(old, new))
    assert caught.value.code == code


def test_sentence_reads_for_members() -> None:
    """A use reads as one sentence."""
    use = TAXONOMY.use("train.generative.replies/messages.inmail/platform")
    assert TAXONOMY.sentence(use) == (
        "Train the model that suggests replies to messages, "
        "with your InMail messages, by this service itself."
    )


def test_whose_record_is_it() -> None:
    """Messages have several parties; drafts, the AI helper and profiles have one."""
    several = {c for c in TAXONOMY.categories if TAXONOMY.has_several_parties(c)}
    assert several == {"messages", "messages.direct", "messages.inmail", "messages.group"}
    assert {c for c in TAXONOMY.categories if TAXONOMY.is_draft(c)} == {"messages.draft"}


def test_digest_is_of_meaning() -> None:
    """Comments and order do not enter the digest; a word does."""
    text = ACME.replace("recipients:", "# x\nrecipients:").replace("provider.acme", "solo")
    one = parse_taxonomy(text, name="a")
    assert one.digest == parse_taxonomy(text.replace("# x\n", ""), name="b").digest
    assert one.digest != parse_taxonomy(text.replace("Ltd", "Inc"), name="c").digest
