"""The Commission's template for the public summary of training content.

Regulation (EU) 2024/1689, Art. 53(1)(d); template of 24 July 2025, adopted again as C(2025) 8311
of 5 December 2025. Numbers and titles of its sections (1.1 to 3.3) and the words of what it asks
are the template's, as two providers published it filled in; where it asks several things under one
number, the last figure of `1.3.4` is ours. docs/spec/summaries.md says what was read where. It binds
providers of general-purpose models; whoever trained another model may publish one all the same.
"""

from __future__ import annotations

from typing import Final

from byleave.summary import say
from byleave.summary.field import Field, Section, Summary, by_ledger, by_person, by_rule
from byleave.summary.subject import Subject

__all__ = ["LAW", "eu_ai_act"]

LAW: Final = (
    "Regulation (EU) 2024/1689, Art. 53(1)(d); the Commission's template of 24 July 2025,"
    " C(2025) 8311 of 5 December 2025"
)
_WHO: Final = (
    "The obligation is one of providers of general-purpose AI models; for any other model this"
    " summary is voluntary. Who adapts a model of somebody else reports their own training content"
    " alone, and names that model."
)
_ASSISTANT: Final = "messages.assistant"
_MADE: Final = (
    "Where one did: the modality, which general-purpose models on the market made them, and which"
    " others, the provider's own included"
)


def eu_ai_act(subject: Subject) -> Summary:
    """Fill the template for a release, or for a snapshot that nothing was released from yet."""
    return Summary(
        kind="eu-ai-act",
        title="Public summary of training content",
        law=LAW,
        about=subject.about,
        stated=subject.stated,
        notes=(
            *subject.notes,
            _WHO,
        ),
        sections=(
            Section(title="1 General information", fields=_general(subject)),
            Section(title="2 List of data sources", fields=_sources(subject)),
            Section(title="3 Data processing aspects", fields=_processing(subject)),
        ),
    )


def _general(subject: Subject) -> tuple[Field, ...]:
    return (*_provider(subject), *_model(subject), *_size(subject))


def _provider(subject: Subject) -> tuple[Field, ...]:
    who = subject.operator
    reach = [part for part in (who.contact, who.address) if part]
    ask = "Provider name and contact details"
    return (
        by_ledger("1.1.1", ask, f"{who.name}; {'; '.join(reach)}. Log: {who.origin}.")
        if reach
        else by_person(
            "1.1.1", ask, f"contact details (name: {who.name}; set them in byleave.toml, party)"
        ),
        by_person(
            "1.1.2",
            "Authorised representative name and contact details",
            "the authorised representative, for a provider outside the Union",
        ),
    )


def _model(subject: Subject) -> tuple[Field, ...]:
    model, name = subject.trained, "Versioned model name(s)"
    depends = "Model dependencies"
    placed = "Date of placement of the model on the Union market"
    if model is None:
        return (
            by_ledger("1.2.1", name, "No release yet was made from this snapshot."),
            by_person("1.2.2", depends, "the general-purpose model that this one modifies, if any"),
            by_person("1.2.3", placed, "the date, once there is a release"),
        )
    parent = (
        f"Unlearned from {model.parent}, itself made by the same provider. "
        if model.parent
        else "Fitted from nothing by the same provider. "
    )
    return (
        by_ledger(
            "1.2.1",
            name,
            f"{model.name}, digest {model.model}, trainer {model.trainer}",
            entries=(model.index, model.run_index),
        ),
        by_ledger(
            "1.2.2",
            depends,
            parent
            + (
                f"The recipe names the encoder {model.recipe['encoder']}."
                if model.recipe.get("encoder")
                else "The recipe names no model of somebody else."
            ),
            entries=(model.run_index,),
        ),
        by_person(
            "1.2.3", placed, f"the date; the log took the release on {model.at[:10]}, no earlier"
        ),
    )


def _size(subject: Subject) -> tuple[Field, ...]:
    content, sealed = subject.content, subject.sealed
    tokens = say.size_of_text(subject)
    bytes_ = f"{content.text_bytes:,} bytes of UTF-8 in {', '.join(content.text_columns)}"
    ask = "Modality and training data size (ranges of tokens, or another unit)"
    if not content.text_columns:
        size = by_person("1.3.1", ask, "the modality; no column of the data holds texts")
    elif tokens is None:
        size = by_person("1.3.1", ask, f"the range of tokens; texts hold {bytes_}")
    else:
        size = by_ledger(
            "1.3.1",
            ask,
            f"Text: {tokens}; at most one token a byte, and there are {bytes_}."
            f" {say.counted(sealed.records, 'record')}.",
            entries=(sealed.index,),
            records=sealed.records,
            text_bytes=content.text_bytes,
        )
    last = "unknown" if content.last is None else f"{content.last[5:7]}/{content.last[:4]}"
    return (
        size,
        by_ledger(
            "1.3.2",
            "Types of content",
            f"Data categories: {say.categories(subject)}.",
            entries=(sealed.index,),
            **{f"category:{name}": number for name, number in content.categories.items()},
        ),
        by_ledger(
            "1.3.3",
            "Latest date of data acquisition/collection for model training",
            f"{last}. The model is fixed by its digest and takes in nothing new; another model"
            " is another release with another entry.",
            entries=(sealed.index,),
        ),
        by_person(
            "1.3.4",
            "Description of the linguistic characteristics of the overall training data",
            say.languages_open(),
        ),
        by_person(
            "1.3.5",
            "Other relevant characteristics of the overall training data",
            "what else a reader should know",
        ),
    )


def _sources(subject: Subject) -> tuple[Field, ...]:
    data = subject.data
    named = f"data set {data.name}" + (f" ({data.dataset})" if data.dataset else "")
    return (
        by_person(
            "2.1",
            "Publicly available datasets: have you used such to train the model?",
            f"whether {named}, the one source of this snapshot, is publicly available, and where",
        ),
        by_person(
            "2.2.1",
            "Datasets commercially licensed by rightsholders or their representatives: have you"
            " concluded transactional commercial licensing agreements with them?",
            f"whether {named} was licensed for money, and from whom",
        ),
        by_person(
            "2.2.2",
            "Private datasets obtained from other third parties, not licensed as in 2.2.1, such as"
            " from providers of private databases or data intermediaries",
            f"whether {named} came from a third party",
        ),
        by_person(
            "2.3",
            "Data crawled and scraped from online sources: were crawlers used by the provider or on"
            " its behalf?",
            f"whether any of {named} was crawled; the log records no crawler, names no domain,"
            " and every record is one of members enrolled with the provider. Where one was: its"
            " name, purposes and behaviour (robots.txt, paywalls), the period, the kinds of content"
            " and sources, the modality, and the domain names most crawled",
        ),
        *_member_data(subject),
        _synthetic(subject),
        by_ledger(
            "2.6",
            "Other sources of data: have others than those of 2.1 to 2.5 been used?",
            f"None recorded: the snapshot has one source, {data.name}.",
            entries=(data.index, subject.sealed.index),
        ),
    )


def _member_data(subject: Subject) -> tuple[Field, ...]:
    sealed, gated = subject.sealed, subject.gated
    prompts = sum(
        number
        for name, number in subject.content.categories.items()
        if name == _ASSISTANT or name.startswith(f"{_ASSISTANT}.")
    )
    other = sealed.records - prompts
    return (
        by_ledger(
            "2.4.1",
            "User data: was data from user interactions with the AI model (e.g. user input and"
            " prompts) used to train the model?",
            f"{'Yes' if prompts else 'No'}: {say.counted(prompts, 'record')} of the category"
            f" {_ASSISTANT}.",
            entries=(sealed.index,),
            records=prompts,
        ),
        by_ledger(
            "2.4.2",
            "User data: was data collected from user interactions with the provider's other"
            " services or products used to train the model?",
            f"{'Yes' if other else 'No'}: {say.in_training(subject)}."
            f" What that means, in words: {sealed.sentence}. Every record passed gate"
            f" {gated.name}; grounds: {say.grounds(subject)}.",
            entries=(sealed.index, gated.index),
            records=other,
            members=sealed.members,
        ),
        by_ledger(
            "2.4.3",
            "User data: which services or products, and which modalities",
            f"Source {subject.data.name} of {subject.operator.name}; categories:"
            f" {say.categories(subject)}; modality:"
            f" {'text' if subject.content.text_columns else 'records without texts'}.",
            entries=(subject.data.index,),
        ),
    )


def _synthetic(subject: Subject) -> Field:
    ask = (
        "Synthetic data: was synthetic AI-generated data created by the provider or on their behalf"
        " to train the model?"
    )
    if subject.synthetic is None:
        return by_person(
            "2.5", ask, f"whether data made by a model were used; the ledgers do not say. {_MADE}"
        )
    if subject.synthetic:  # by a program: an AI model, or none
        return by_person(
            "2.5",
            ask,
            f"whether an AI model made the data; they are recorded as generated. {_MADE}",
        )
    said = "None recorded: the data are recorded as real."
    return by_ledger("2.5", ask, said, entries=(subject.data.index,))


def _processing(subject: Subject) -> tuple[Field, ...]:
    gated = subject.gated
    return (
        by_person(
            "3.1.1",
            "Respect of reservation of rights from text and data mining exception or limitation:"
            " signatory to the Code of Practice, and the measures implemented",
            "whether the provider signed it, and its measures before and during collection; the"
            " gate takes TDMRep and AIPREF as a no where they were recorded",
        ),
        by_person(
            "3.2",
            "Removal of illegal content: general description of measures taken",
            "the measures taken; the gate does not look for it",
        ),
        by_ledger(
            "3.3.1",
            "Other relevant information about data processing: what was left out, and why",
            say.cleaning(subject),
            entries=(gated.index, subject.sealed.index),
            rows=gated.rows,
            kept=gated.kept,
            removed=subject.sealed.removed,
            **{f"reason:{code}": number for code, number in gated.reasons.items()},
        ),
        by_rule(
            "3.3.2",
            "Other relevant information: how members stop it, and how that is shown",
            "A member withdraws in the member pages. The next gate leaves their records out, the"
            " model forgets them, and the log shows it; anybody can check a proof with byleave"
            " verify.",
        ),
    )
