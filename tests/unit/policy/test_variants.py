"""Which text a member saw: by region, language and instant; terms replaced since."""

from __future__ import annotations

import pytest

from byleave.errors import InputError
from byleave.ids import parse_instant
from byleave.policy.document import parse_document
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy, default_taxonomy
from byleave.policy.variants import Published, Seen, seen_at

AREAS = {"eu": frozenset({"de", "fr"}), "us": frozenset({"us"})}
TEXT = """\
---
document: privacy-policy
version: "{version}"
kind: privacy-policy
language: {language}
jurisdiction: "{jurisdiction}"
effective: {effective}
uses:
  - service.delivery/messages/platform
---
# Policy {version}
"""


def text(version: str, jurisdiction: str, language: str, effective: str) -> str:
    """Return a document."""
    return TEXT.format(
        version=version, jurisdiction=jurisdiction, language=language, effective=effective
    )


def published(*versions: tuple[str, str, str, str, str]) -> list[Published]:
    """Return versions: (version, jurisdiction, language, recorded, effective)."""
    return [
        Published(
            document=parse_document(
                text(version, where, language, effective).encode(),
                name="p",
                taxonomy=default_taxonomy(),
            ),
            recorded=parse_instant(recorded),
            index=index,
            label=version,
        )
        for index, (version, where, language, recorded, effective) in enumerate(versions)
    ]


HELD = published(
    ("1", "*", "en", "2024-01-01", "2024-02-01"),
    ("eu-1", "eu uk", "en", "2024-01-02", "2024-02-01"),
    ("eu-de", "eu uk", "de", "2024-01-03", "2024-02-01"),
    ("ca", "us-ca", "en", "2024-01-04", "2024-02-01"),
    ("us", "us", "en", "2024-01-05", "2024-02-01"),
    ("fr", "fr", "fr", "2024-01-06", "2024-02-01"),
    ("2", "*", "en", "2024-09-18", "2024-11-20"),
)


def seen(day: str, region: str | None = None, language: str | None = None) -> Seen:
    """Return what a member saw."""
    return seen_at(HELD, region=region, language=language, at=parse_instant(day), areas=AREAS)


def label(found: Seen) -> str | None:
    """Return the label of the text in force."""
    return None if found.in_force is None else found.in_force.label


@pytest.mark.parametrize(
    ("region", "language", "wanted", "matched"),
    [
        ("us-ca", "en", "ca", "exact"),
        ("us-ny", "en", "us", "part-of"),
        ("us", "en", "us", "exact"),
        ("de", "de-AT", "eu-de", "area"),
        ("de", "en", "eu-1", "area"),
        ("fr", "fr", "fr", "exact"),
        ("uk", "en-GB", "eu-1", "exact"),
        ("br", "en", "1", "everywhere"),
        (None, "en", "1", "everywhere"),
    ],
)
def test_the_nearest_text_is_theirs(
    region: str | None, language: str, wanted: str, matched: str
) -> None:
    """A member saw the text of the nearest region that has one, in their language where it exists."""
    found = seen("2024-06-01", region, language)
    assert (label(found), found.region_matched, found.language_matched) == (wanted, matched, True)


def test_another_language_stands_in_and_says_so() -> None:
    """Without a text in their language a member saw the one published first there."""
    found = seen("2024-06-01", "de", "pl")
    assert (label(found), found.language_matched) == ("eu-1", False)


def test_published_and_in_force_are_kept_apart() -> None:
    """A text that is announced is seen as announced until its day, then it holds."""
    before, after = seen("2024-11-19"), seen("2024-11-20")
    assert (label(before), [v.label for v in before.announced]) == ("1", ["2"])
    assert (label(after), after.announced) == ("2", ())


def test_nothing_is_seen_before_it_was_recorded() -> None:
    """Before anything was published nobody saw anything; a text announced first holds nothing yet."""
    assert label(seen("2023-12-31")) is None
    early = seen("2024-01-02", "de")
    assert (label(early), [v.label for v in early.announced]) == (None, ["eu-1"])


def test_a_variants_versions_are_its_own() -> None:
    """A new version for everywhere does not replace the text of a region that has its own."""
    assert label(seen("2024-12-01", "de", "en")) == "eu-1"


@pytest.mark.parametrize("jurisdiction", ["eu *", "Europe!", "eu;uk"])
def test_a_jurisdiction_is_regions_or_everywhere(jurisdiction: str) -> None:
    """What is neither region codes nor `*` alone is refused."""
    with pytest.raises(InputError):
        parse_document(
            text("1", jurisdiction, "en", "2024-01-01").encode(),
            name="p",
            taxonomy=default_taxonomy(),
        )


def test_one_spelling_of_regions() -> None:
    """Regions in any order and case are one variant."""
    one, other = (
        parse_document(
            text("1", where, "en", "2024-01-01").encode(), name="p", taxonomy=default_taxonomy()
        )
        for where in ("UK, eu", "eu uk")
    )
    assert one.variant == other.variant == ("eu uk", "en")


def test_an_address_is_declared_only_where_it_is_said() -> None:
    """A document without an address has the declaration it had before addresses were known."""
    bare = text("1", "*", "en", "2024-01-01")
    with_address = bare.replace("uses:", "address: https://acme.example/privacy\nuses:")
    one, other = (
        parse_document(t.encode(), name="p", taxonomy=default_taxonomy())
        for t in (bare, with_address)
    )
    assert "address" not in one.to_dict()
    assert one.declaration != other.declaration


# -- terms that others replaced ---------------------------------------------------------------

REPLACED = """\
taxonomy: v1
version: t
purposes:
  train.old:
    sentence: Train the model that suggests replies to messages.
    phrase: train the model that suggests replies to messages
    since: t
    replaced_by: train.generative.replies
  train.wide:
    sentence: Train anything.
    phrase: train anything
    since: t
    replaced_by: train.older
  train.older:
    sentence: Train nearly anything.
    phrase: train nearly anything
    since: t
    replaced_by: train.safety
"""


def replaced() -> Taxonomy:
    """Return the default taxonomy with terms that fell out of use."""
    return default_taxonomy().extend(read_mapping(REPLACED, name="t"))


def test_a_term_replaced_by_the_same_is_read_as_its_successor() -> None:
    """Where the successor means the same, word for word, the old name still works."""
    use = replaced().use("train.old/messages.direct/platform")
    assert use.purpose == "train.generative.replies"


def test_a_term_replaced_by_another_meaning_is_refused_with_the_successor() -> None:
    """Where the meaning changed, nobody is moved silently: the hint names the last successor."""
    with pytest.raises(InputError) as caught:
        replaced().scope("train.wide/messages/platform")
    assert caught.value.code == "use.replaced-term"
    assert "train.safety" in (caught.value.hint or "")


def test_what_was_written_before_is_let_stand() -> None:
    """A text published under the old term is read as it was written."""
    scope = replaced().scope("train.wide/messages/platform", past=True)
    assert scope.purpose == "train.wide"


def test_nothing_new_expands_to_a_replaced_term() -> None:
    """A scope published now does not cover what fell out of use."""
    taxonomy = replaced()
    assert {
        u.purpose for u in taxonomy.expand(taxonomy.scope("train/messages.direct/platform"))
    } == {n for n in default_taxonomy().leaves("purposes") if n.startswith("train.")}


def test_terms_that_replace_one_another_are_refused() -> None:
    """A circle of successors has no end, and is refused when it is read."""
    circle = REPLACED.replace("replaced_by: train.safety", "replaced_by: train.wide")
    with pytest.raises(InputError) as caught:
        default_taxonomy().extend(read_mapping(circle, name="t"))
    assert caught.value.code == "taxonomy.malformed"
