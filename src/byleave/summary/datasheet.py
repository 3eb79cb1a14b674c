"""A datasheet of a snapshot: Gebru et al., "Datasheets for Datasets", arXiv:1803.09010.

The seven sections, and of their questions those that the ledgers can answer and those that only a
person can.
"""

from __future__ import annotations

from typing import Final

from byleave.summary import say
from byleave.summary.field import Field, Section, Summary, by_ledger, by_person, by_rule
from byleave.summary.subject import Subject

__all__ = ["LAW", "datasheet"]

LAW: Final = 'Gebru et al., "Datasheets for Datasets", arXiv:1803.09010 (no law)'


def datasheet(subject: Subject) -> Summary:
    """Fill the seven sections for the snapshot."""
    return Summary(
        kind="datasheet",
        title=f"Datasheet of {subject.sealed.name}",
        law=LAW,
        about=("snapshot", subject.sealed.name),
        stated=subject.stated,
        notes=subject.notes,
        sections=(
            Section(title="1 Motivation", fields=_motivation(subject)),
            Section(title="2 Composition", fields=_composition(subject)),
            Section(title="3 Collection process", fields=_collection(subject)),
            Section(title="4 Preprocessing, cleaning, labelling", fields=_cleaning(subject)),
            Section(title="5 Uses", fields=_uses(subject)),
            Section(title="6 Distribution", fields=_distribution(subject)),
            Section(title="7 Maintenance", fields=_maintenance(subject)),
        ),
    )


def _motivation(subject: Subject) -> tuple[Field, ...]:
    sealed = subject.sealed
    return (
        by_ledger(
            "1.1",
            "For what purpose was it created?",
            f"{sealed.use}: {sealed.sentence}.",
            entries=(subject.gated.index,),
        ),
        by_ledger("1.2", "Who created it?", f"{subject.operator.name} ({subject.operator.origin})"),
        by_person("1.3", "Who funded it?", "who"),
    )


def _composition(subject: Subject) -> tuple[Field, ...]:
    sealed, content = subject.sealed, subject.content
    return (
        by_ledger(
            "2.1",
            "What do the instances represent, and how many are there?",
            f"{say.categories(subject)}; {say.counted(sealed.records, 'record')} of"
            f" {say.counted(sealed.members, 'member')},"
            f" {say.counted(sealed.party_records, 'pair')} of a record and a party.",
            entries=(sealed.index,),
            records=sealed.records,
            members=sealed.members,
            party_records=sealed.party_records,
        ),
        by_ledger(
            "2.2",
            "Is it a sample?",
            f"Yes, by agreement: gate {subject.gated.name} kept {subject.gated.kept:,} of"
            f" {subject.gated.rows:,} records of {subject.data.name}, and {sealed.records:,} are in"
            " the snapshot. Who agrees is no random part of the members.",
            entries=(subject.gated.index, sealed.index),
            rows=subject.gated.rows,
            kept=subject.gated.kept,
            records=sealed.records,
        ),
        by_ledger(
            "2.3",
            "What data does each instance consist of?",
            ", ".join(f"{name} ({kind})" for name, kind in sealed.columns)
            + f"; {content.text_bytes:,} bytes of text.",
            entries=(sealed.index,),
            text_bytes=content.text_bytes,
        ),
        by_person("2.4", "Errors, noise, redundancies", "what is known of them"),
        by_person("2.5", "Does it identify subpopulations, or hold sensitive data?", "whether"),
        by_person("2.6", "Might it be offensive, or cause anxiety?", "whether"),
    )


def _collection(subject: Subject) -> tuple[Field, ...]:
    notices = [n for n in subject.notices if n.text is not None]
    wording = "\n\n".join(
        f"Notice {n.notice} (SHA-256 {n.sha256}), on which {n.party_records:,} pairs of a record"
        f" and a party stand:\n{n.text}"
        for n in notices
    )
    return (
        by_person("3.1", "How was the data acquired?", "how; the log holds when it was added"),
        by_ledger(
            "3.2", "Over what time frame?", say.collected(subject), undated=subject.content.undated
        ),
        by_ledger(
            "3.3",
            "Were the members notified, and with what exact wording?",
            wording or "No consent behind these records answers a published notice.",
            entries=[n.index for n in notices if n.index is not None],
            **{f"notice:{n.notice}": n.party_records for n in subject.notices},
        ),
        by_ledger(
            "3.4",
            "Did they consent?",
            f"Grounds of the records that the gate kept: {say.grounds(subject)}.",
            entries=(subject.gated.index,),
            **{f"ground:{name}": number for name, number in subject.gated.grounds.items()},
        ),
        by_rule(
            "3.5",
            "Can they revoke it, and how?",
            "Yes: in the member pages, in as few steps as they agreed in. A withdrawal reaches"
            " later gates, models and packages.",
        ),
        by_person("3.6", "Was there an ethical review, or an impact assessment?", "whether"),
    )


def _cleaning(subject: Subject) -> tuple[Field, ...]:
    return (
        by_ledger(
            "4.1",
            "Was anything cleaned or left out?",
            say.cleaning(subject),
            entries=(subject.gated.index, subject.sealed.index),
            rows=subject.gated.rows,
            kept=subject.gated.kept,
            removed=subject.sealed.removed,
        ),
        by_ledger(
            "4.2",
            "Was the raw data kept?",
            f"Source {subject.data.name} holds {say.counted(subject.data.records, 'record')} in"
            " the platform's own workspace; it is not published.",
            entries=(subject.data.index,),
            records=subject.data.records,
        ),
    )


def _uses(subject: Subject) -> tuple[Field, ...]:
    model = subject.trained
    return (
        by_ledger(
            "5.1",
            "Has it been used?",
            "No release was made from it."
            if model is None
            else f"Release {model.name} (trainer {model.trainer}).",
            entries=() if model is None else (model.index,),
        ),
        by_rule(
            "5.2",
            "Are there uses for which it should not be used?",
            "Every use but the one it was gated for: a snapshot is gated for one use, and"
            " members were asked about that.",
        ),
        by_person("5.3", "What may have an effect on future uses?", "biases known, and limits"),
    )


def _distribution(subject: Subject) -> tuple[Field, ...]:
    given = subject.given
    listed = "; ".join(
        f"{g.name} to {g.recipient}, {say.counted(g.rows, 'record')}, {g.state}" for g in given
    )
    return (
        by_ledger(
            "6.1",
            "Is it given to third parties?",
            "The snapshot itself is not. Packages gated from the same source for a recipient: "
            + (listed or "none")
            + ".",
            entries=[g.index for g in given],
            packages=len(given),
            records=sum(g.rows for g in given),
        ),
        by_person("6.2", "Under what licence?", "the licence, if it is ever given away"),
    )


def _maintenance(subject: Subject) -> tuple[Field, ...]:
    return (
        by_ledger(
            "7.1",
            "Who maintains it, and how are they reached?",
            f"{subject.operator.name}, {subject.operator.contact}",
        )
        if subject.operator.contact
        else by_person("7.1", "Who maintains it, and how are they reached?", "contact details"),
        by_ledger(
            "7.2",
            "Is it updated?",
            "Never in place: what withdrawals take out becomes a new snapshot of the same line."
            f" Withdrawals that reached models so far: {subject.withdrawals:,}.",
            entries=subject.sealed.lineage,
            withdrawals=subject.withdrawals,
        ),
        by_rule(
            "7.3",
            "Are there limits on keeping it?",
            "Records of members who withdraw leave the next snapshot; after an erasure their"
            " bytes are blank in every file.",
        ),
    )
