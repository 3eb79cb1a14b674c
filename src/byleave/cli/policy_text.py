"""`byleave policy diff | lint | import-ota | observed | recipients`: questions about texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import Progress, emit, json_option, table, workspace_option

if TYPE_CHECKING:
    from byleave.policy.diff import Change
    from byleave.policy.lint import Finding
    from byleave.service.observed import Imported, Observed
    from byleave.service.policy_text import Difference

__all__ = ["diff", "import_ota", "lint", "observed", "recipients"]


@click.command()
@click.argument("texts", nargs=-1, required=True)
@workspace_option
@json_option
def diff(*, texts: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """Say what changed between two versions: DOCUMENT OLD NEW, or two files.

    Sentences that were added, removed, moved or changed, with the words marked; then what the
    declarations add and remove, and the instants.

    \b
    byleave policy diff privacy-policy 1 2 --workspace byleave-demo
    byleave policy diff privacy-policy.md privacy-policy.md
    """  # noqa: D301
    found = _difference(texts, workspace)
    emit(
        found.to_dict(),
        schema="byleave/policy-diff/v1",
        as_json=as_json,
        lines=lambda: _diff_lines(found),
    )


@click.command()
@click.argument("text")
@click.option("--version", help="Of a published document; default the last one.")
@click.option("--strict", is_flag=True, help="Exit 4 where there is a finding.")
@click.option(
    "--rules-only", is_flag=True, help="Without the fitted reader: faster, and finds less."
)
@workspace_option
@json_option
def lint(
    *,
    text: str,
    version: str | None,
    strict: bool,
    rules_only: bool,
    workspace: str,
    as_json: bool,
) -> None:
    """Hold the prose of a FILE or a published DOCUMENT against its declarations.

    Finds sentences about AI training or sharing that no declaration covers, and declarations
    that the text never mentions. A file without a front matter declares nothing: every sentence
    about training or sharing is then a finding.

    \b
    byleave policy lint privacy-policy.md
    byleave policy lint privacy-policy --workspace byleave-demo
    """  # noqa: D301
    from byleave.errors import RefusedError

    progress = Progress()
    try:
        name, findings = _lint(text, version, workspace, rules_only=rules_only, progress=progress)
    finally:
        progress.close()
    data = {"text": name, "findings": [finding.to_dict() for finding in findings]}
    if not (strict and findings and as_json):
        emit(
            data,
            schema="byleave/policy-lint/v1",
            as_json=as_json,
            lines=lambda: _lint_lines(name, findings),
        )
    if strict and findings:
        raise RefusedError(
            findings[0].text
            if findings[0].kind == "unread"
            else f"{len(findings)} places where prose and declaration disagree",
            code="policy.lint",
            where=f"{name}:{findings[0].line}",
        )


@click.command("import-ota")
@click.argument("path", type=click.Path(file_okay=False))
@click.option("--service", help="Import the texts of this service alone.")
@click.option("--collection", help="What to call the collection; default the folder's name.")
@workspace_option
@json_option
def import_ota(
    *, path: str, service: str | None, collection: str | None, workspace: str, as_json: bool
) -> None:
    """Import a clone of an Open Terms Archive versions repository as observed history.

    Nothing is published and no decision changes. Importing again brings only what is new.

    \b
    git clone https://github.com/OpenTermsArchive/pga-versions
    byleave policy import-ota pga-versions --service LinkedIn …
    """  # noqa: D301
    with opened(workspace) as ws:
        imported = ws.policy.import_ota(path, service=service, collection=collection)
    emit(
        imported.to_dict(),
        schema="byleave/policy-import-ota/v1",
        as_json=as_json,
        lines=lambda: _import_lines(imported),
    )


@click.command()
@click.argument("path", required=False)
@workspace_option
@json_option
def observed(*, path: str | None, workspace: str, as_json: bool) -> None:
    """List what outsiders recorded; with PATH, its recordings and the days of notice.

    \b
    byleave policy observed --workspace byleave-demo
    """  # noqa: D301
    from byleave.errors import InputError

    with opened(workspace, read_only=True) as ws:
        found = ws.policy.observed(path)
    if path is not None and not found:
        raise InputError(
            f"nothing observed at {path[:80]}",
            code="workspace.unknown-object",
            hint="byleave policy observed lists the paths",
        )
    emit(
        {"observed": [item.to_dict() for item in found]},
        schema="byleave/policy-observed/v1",
        as_json=as_json,
        lines=lambda: _observed_lines(found, whole=path is not None),
    )


@click.command()
@click.argument("file", required=False, type=click.Path())
@workspace_option
@json_option
def recipients(*, file: str | None, workspace: str, as_json: bool) -> None:
    """Put a recipients FILE in force: corporate tree and contracts; without one, show it.

    A recipient whose contract permits training counts as training, whatever it declares.

    \b
    byleave policy recipients examples/recipients.yaml
    """  # noqa: D301
    if file is not None:
        text = read_text(file)
        with opened(workspace) as ws:
            index = ws.policy.recipients(text, name=Path(file).name)
            book = ws.policy.recipients_in_force()
    else:
        index = None
        with opened(workspace, read_only=True) as ws:
            book = ws.policy.recipients_in_force()
    data: dict[str, Any] = {"index": index, "version": None, "companies": []}
    if book is not None:
        companies = [company.to_dict() for company in book.companies.values()]
        data |= {"version": book.version, "sha256": book.digest.hex(), "companies": companies}
    emit(
        data,
        schema="byleave/policy-recipients/v1",
        as_json=as_json,
        lines=lambda: _recipient_lines(data),
    )


def _difference(texts: tuple[str, ...], workspace: str) -> Difference:
    from byleave.errors import InputError

    if len(texts) == 2:
        one, other = (read_text(name) for name in texts)
        if not (Path(workspace) / "byleave.toml").is_file():
            from byleave.policy.taxonomy import default_taxonomy
            from byleave.service.policy_text import compare_texts

            names = (texts[0], texts[1])
            return compare_texts(one, other, names=names, taxonomy=default_taxonomy())
        with opened(workspace, read_only=True) as ws:
            return ws.policy.diff_texts(one, other, names=(texts[0], texts[1]))
    if len(texts) == 3:
        with opened(workspace, read_only=True) as ws:
            return ws.policy.diff(*texts)
    raise InputError(
        "wants DOCUMENT OLD NEW, or two files",
        code="cli.usage",
        hint="byleave policy diff privacy-policy 1 2",
    )


def _lint(
    text: str, version: str | None, workspace: str, *, rules_only: bool, progress: Progress
) -> tuple[str, tuple[Finding, ...]]:
    """Lint a file, with the workspace's taxonomy where there is one, or a published document."""
    from byleave.errors import InputError

    if version is None and Path(text).is_file():
        words = read_text(text)
        if not (Path(workspace) / "byleave.toml").is_file():
            from byleave.policy.lint import lint as lint_words
            from byleave.policy.taxonomy import default_taxonomy

            trees = default_taxonomy()
            found = lint_words(
                words, name=text, taxonomy=trees, rules_only=rules_only, progress=progress
            )
            return text, found
        with opened(workspace, read_only=True) as ws:
            return text, ws.policy.lint(words, name=text, rules_only=rules_only, progress=progress)
    if version is None and not (Path(workspace) / "byleave.toml").is_file():
        raise InputError(
            "no such file; and no workspace stands here that could hold a document of that name",
            code="input.not-found",
            where=text,
            hint="byleave policy lint FILE, or DOCUMENT --workspace PATH",
        )
    with opened(workspace, read_only=True) as ws:
        return text, ws.policy.lint_published(
            text, version, rules_only=rules_only, progress=progress
        )


def _diff_lines(found: Difference) -> list[str]:
    counts = found.prose.counts()
    lines = [
        f"{found.old} → {found.new}",
        "  sentences  "
        + ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
        + f", {found.prose.same:,} the same",
    ]
    section = None
    for change in found.prose.changes:
        if change.section != section:
            section = change.section
            lines += ["", f"  {section or '(before the first heading)'}"]
        lines.append(f"    {_where(change):<14}{_words(change)}")
    declared = found.declaration
    if declared is not None:
        lines += ["", "  Declared"]
        lines += [f"    + {text}  ({use})" for use, text in declared.added]
        lines += [f"    - {text}  ({use})" for use, text in declared.removed]
        lines += [f"    {field}: {old} → {new}" for field, old, new in declared.fields]
        if not (declared.added or declared.removed or declared.fields):
            lines.append("    the same uses")
        before, after = declared.effective
        lines.append(f"    effective {before:%Y-%m-%d} → {after:%Y-%m-%d}")
        if declared.notice_window_days is not None:
            lines.append(f"    days of notice {declared.notice_window_days:,}")
    return lines


def _where(change: Change) -> str:
    old, new = change.old_line, change.new_line
    if change.kind == "moved":
        return f"{old}→{new} moved"
    return f"{new if new is not None else old} {change.kind}"


def _words(change: Change) -> str:
    from byleave.policy.diff import marked

    return marked(change.pieces)


def _lint_lines(name: str, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return [f"{name}: prose and declarations agree"]
    lines = []
    for finding in findings:
        scopes = ", ".join(str(scope) for scope in finding.scopes)
        likely = finding.by == "reader"
        if finding.kind == "unread":
            return [f"{name}:{finding.line}: not read: {finding.text}"]
        if finding.kind == "undeclared":
            lines += [
                f"{name}:{finding.line}: {finding.about}, not declared",
                f"  says   {finding.text}",
                f"  words  {finding.because}",
                *(["  found  by the fitted reader; no rule knows it"] if likely else []),
                f"  seems  {scopes}",
            ]
        else:
            lines += [
                f"{name}:{finding.line}: declared, and never mentioned",
                f"  use    {scopes}",
                f"  silent on its {finding.about}",
            ]
    undeclared = sum(finding.kind == "undeclared" for finding in findings)
    silent = len(findings) - undeclared
    lines.append(
        f"{undeclared:,} {'sentence' if undeclared == 1 else 'sentences'} not declared,"
        f" {silent:,} {'declaration' if silent == 1 else 'declarations'} not mentioned"
    )
    return lines


def _import_lines(imported: Imported) -> list[str]:
    lines = [
        f"  documents            {imported.documents:,}",
        f"  recordings           {imported.recordings:,}, new {imported.new:,}",
        f"  technical upgrades   {imported.technical:,} (no change of the text)",
        f"  without a date       {imported.undated:,}",
    ]
    if imported.unknown:
        lines.append(f"  commits not understood {imported.unknown:,}")
    lines += [
        f"  another document     {path}: {before!r} became {after!r} ({why})"
        for path, before, after, why in imported.replaced
    ]
    return lines


def _observed_lines(found: Iterable[Observed], *, whole: bool) -> list[str]:
    rows, lines, collections = [], [], []
    for item in found:
        document: Any = item.to_dict()
        collections += [item.collection] * len(document["variants"])
        rows += [
            [item.path, v["variant"], v["title"][:40], v["changes"], v["last_recorded"][:10]]
            for v in document["variants"]
        ]
        if whole:
            for variant in document["variants"]:
                lines += ["", f"  {variant['title'] or item.path}"]
                lines += [
                    f"    effective {w['effective']}   first shown {w['first_shown'][:10]}"
                    f"   days of notice {w['notice_window_days']:,}"
                    for w in variant["windows"]
                ]
    if not rows:
        return ["nothing observed yet: byleave policy import-ota"]
    head = ["path", "variant", "title", "recordings", "last recorded"]
    if len(set(collections)) > 1:
        head = ["collection", *head]
        rows = [[name, *row] for name, row in zip(collections, rows, strict=True)]
    return [*table(head, rows), *lines]


def _recipient_lines(data: dict[str, Any]) -> list[str]:
    if data["version"] is None:
        return ["no recipients recorded: what their contracts permit is not known"]
    rows = [
        [
            company["recipient"],
            contract["terms"],
            contract["from"][:10],
            (contract["until"] or "–")[:10],
            ", ".join(contract["may_train"]) or "no",
            "anyone"
            if contract["may_pass_on"] is None
            else ", ".join(contract["may_pass_on"]) or "no",
        ]
        for company in data["companies"]
        for contract in company["contracts"]
    ]
    head = ["recipient", "contract", "from", "until", "may train", "may pass on to"]
    first = f"recipients {data['version']}"
    logged = "" if data["index"] is None else f", log entry {data['index']:,}"
    return [first + logged, *table(head, rows)]
