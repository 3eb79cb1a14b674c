"""Recipients: the corporate tree and what contracts permit, as dated facts."""

from __future__ import annotations

import pytest

from byleave.errors import ByleaveError, InputError, RefusedError
from byleave.ids import parse_instant
from byleave.policy.recipient import Recipients, effective_uses, parse_recipients
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy

TERMS = """\
taxonomy: v1
version: t
recipients:
  provider.acme: {sentence: Acme., phrase: acme, since: t}
  provider.logs: {sentence: Logs., phrase: logs, since: t}
  affiliate.parent: {sentence: The parent., phrase: the parent, since: t}
  affiliate.sister: {sentence: A sister., phrase: a sister, since: t}
"""
TAXONOMY = default_taxonomy().extend(read_mapping(TERMS, name="t"))
FILE = """\
recipients: v1
version: "1"
companies:
  - company: acme
    recipient: provider.acme
    contracts:
      - {terms: old, from: 2023-01-01, until: 2024-01-01, may_train: false, may_pass_on: false}
      - {terms: new, from: 2024-01-01, may_train: [train.safety], may_pass_on: [provider.logs]}
  - company: logs
    recipient: provider.logs
    contracts:
      - {terms: logs, from: 2023-01-01, may_train: false, may_pass_on: false}
  - company: parent
    recipient: affiliate.parent
    contracts:
      - {terms: group, from: 2023-01-01, may_train: false, may_pass_on: false}
  - company: sister
    recipient: affiliate.sister
    parents:
      - {of: parent, from: 2024-06-01, until: 2025-01-01}
    contracts:
      - {terms: group, from: 2023-01-01, may_train: true, may_pass_on: true}
"""


def book(text: str = FILE) -> Recipients:
    """Read a file; the platform belongs to `parent` from 2024 on."""
    owner = "    parents: [{of: platform, from: 2024-01-01}]\n    contracts:\n      - {terms: group, from"
    text = text.replace(
        "    recipient: affiliate.parent\n    contracts:\n      - {terms: group, from",
        "    recipient: affiliate.parent\n" + owner,
    )
    return parse_recipients(text, name="recipients.yaml", taxonomy=TAXONOMY)


def uses(use: str, day: str, text: str = FILE) -> list[str]:
    """Return what a use amounts to on a day."""
    found = effective_uses(TAXONOMY.use(use), book(text), parse_instant(day), taxonomy=TAXONOMY)
    return [str(one) for one in found]


def test_a_contract_that_forbids_training_adds_nothing() -> None:
    """Under a contract that permits neither training nor passing on, the use is what it says."""
    use = "service.delivery/messages.direct/provider.acme"
    assert uses(use, "2023-06-01") == [use]


def test_a_contract_that_permits_training_counts_as_training() -> None:
    """From the day of the new contract on, the same use amounts to training as well."""
    found = uses("service.delivery/messages.direct/provider.acme", "2024-01-01")
    assert "train.safety/messages.direct/provider.acme" in found


def test_permission_to_pass_on_reaches_the_next_recipient() -> None:
    """Data that may be passed on is used by whoever may get it."""
    found = uses("service.delivery/messages.direct/provider.acme", "2024-01-01")
    assert "service.delivery/messages.direct/provider.logs" in found
    assert len(found) == 3


def test_switching_the_permission_alone_changes_what_it_amounts_to() -> None:
    """One word in the contract makes the difference, whatever is declared (Ambriz v. Google)."""
    use = "service.delivery/messages.direct/provider.logs"
    trains = FILE.replace(
        "{terms: logs, from: 2023-01-01, may_train: false",
        "{terms: logs, from: 2023-01-01, may_train: true",
    )
    assert uses(use, "2024-02-01") == [use]
    assert {one.split(".")[0] for one in uses(use, "2024-02-01", trains)} == {"service", "train"}
    assert len(uses(use, "2024-02-01", trains)) == 1 + 5


def test_use_by_the_platform_needs_no_contract() -> None:
    """What stays with the platform amounts to itself."""
    use = "train.safety/messages.direct/platform"
    assert uses(use, "2000-01-01") == [use]


@pytest.mark.parametrize(
    ("recipient", "day", "code"),
    [
        ("provider.acme", "2022-12-31", "disclosure.no-contract"),
        ("affiliate.parent", "2023-12-31", "disclosure.not-affiliate"),
        ("affiliate.sister", "2024-05-31", "disclosure.not-affiliate"),
        ("affiliate.sister", "2025-01-01", "disclosure.not-affiliate"),
        ("affiliate.sister", "2024-12-31", "disclosure.passes-on"),
    ],
)
def test_a_recipient_without_standing_is_refused(recipient: str, day: str, code: str) -> None:
    """No contract that day, no affiliate that day, or a licence to pass on to anyone: refused."""
    with pytest.raises(RefusedError) as caught:
        uses(f"service.delivery/messages.direct/{recipient}", day)
    assert caught.value.code == code


def test_the_tree_is_walked_both_ways_and_as_of_a_day() -> None:
    """A sister belongs through the common parent, only while both ties hold."""
    facts = book()
    days = {
        day: facts.is_affiliate("sister", parse_instant(day))
        for day in ("2024-05-31", "2024-06-01", "2024-12-31", "2025-01-01")
    }
    assert list(days.values()) == [False, True, True, False]
    assert not facts.is_affiliate("acme", parse_instant("2024-07-01"))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("provider.acme", "provider.nobody", "recipients.malformed"),
        ("of: parent", "of: nobody", "recipients.malformed"),
        ("company: logs", "company: acme", "recipients.malformed"),
        ("recipient: provider.logs", "recipient: provider.acme", "recipients.malformed"),
        ("until: 2024-01-01, may_train", "until: 2024-02-01, may_train", "recipients.malformed"),
        ("until: 2024-01-01, may_train", "until: 2022-01-01, may_train", "recipients.malformed"),
        ("[train.safety]", "[service.delivery]", "recipients.malformed"),
        ("[provider.logs]", "[provider]", "recipients.malformed"),
        ("may_train: [train.safety], ", "", "recipients.malformed"),
        ("may_train: [train.safety]", "may_train: perhaps", "recipients.malformed"),
        ("recipients: v1", "recipients: v2", "recipients.malformed"),
        ("from: 2024-06-01", "from: June", "input.instant"),
        ("terms: logs", "term: logs", "input.unknown-field"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_understood_is_refused(old: str, new: str, code: str) -> None:
    """An unknown word, a gap, an overlap or a permission left out is no permission: refused."""
    assert old in FILE
    with pytest.raises(ByleaveError) as caught:
        book(FILE.replace(old, new, 1))
    assert caught.value.code == code
    assert isinstance(caught.value, InputError)


def test_the_digest_is_of_the_facts() -> None:
    """Another date is another digest; another comment is not."""
    assert book().digest == book("# remark\n" + FILE).digest
    assert book().digest != book(FILE.replace("2024-06-01", "2024-06-02")).digest
