"""Every command: its examples run, its JSON is one object, its lines fit a terminal."""

from __future__ import annotations

import errno
import shlex
import shutil
from pathlib import Path

import pytest

from byleave.errors import CODES
from tests.cli.commands import Command, commands
from tests.cli.conftest import Say
from tests.cli.stage import PLATFORM, agree_again, reach

ALL = {command.name: command for command in commands()}
ELSEWHERE = {
    "demo": "replays a year; tests/demo runs it",
    "serve": "answers until it is stopped; tests/portal runs it",
    "case purge": "has tests of its own in test_case_purge.py",
    "case report": "needs a finished case; test_case_out.py runs it",
    "case run": "has tests of its own in test_case.py",
    "case verify": "needs a finished case; test_case_out.py runs it",
    "model catalogue": "needs ESCO's tables; test_model_catalogue.py runs it",
    "model attest": "needs a trace of reads; docs/tutorials/pipelines.md runs it",
    "model check": "needs a trace of reads; docs/tutorials/pipelines.md runs it",
    "model clean": "needs a learner of one's own; docs/tutorials/pipelines.md runs it",
    "model forecast": "needs a learner of one's own; docs/tutorials/pipelines.md runs it",
    "model keep": "needs a learner of one's own; docs/tutorials/pipelines.md runs it",
    "release mlflow": "needs a server of MLflow; docs/tutorials/pipelines.md runs it with files",
    "source encode": "needs an encoder's files; tests/unit/connectors/test_encoder.py runs it",
    "policy import-ota": "needs a clone of a repository",
    "policy reconcile": "what the stage does, its texts do not declare; test_summary.py runs it",
    "gate preview": "has tests of its own in test_gate_preview.py",
    "log monitor": "the stage releases one model twice, which it finds; test_witness.py runs it",
    "log witness": "needs a witness that answers; test_witness.py runs it",
    "disclosure pass": "needs terms that name the next one; test_disclosure.py runs it",
    "disclosure serve": "answers until it is stopped; test_over_http.py runs it",
    "witness serve": "answers until it is stopped; test_witness.py runs it",
}
ONE_LINE_EACH = {
    "policy recipients": "one line for each contract, with all it permits",
    "ruleset show": "one line for all rulesets, to be compared",
    "verify": "a verdict is kept: one line for each check",
    "signal explain": "one line for each kind of signal, with its full name",
}
HERE = [name for name in ALL if name not in ELSEWHERE]
EXAMPLES = [(name, example) for name in HERE for example in ALL[name].examples]
WITHOUT = {"demo", "policy lint"}  # the one makes its workspace, the other may be given a file
WITH_WORKSPACE = [
    name
    for name, command in ALL.items()
    if "--workspace" in command.options and command.examples and name not in WITHOUT
]


def arguments(example: str) -> list[str]:
    """Return an example's arguments, without `byleave`, and without a shell's pipe or file."""
    words = shlex.split(example)[1:]
    for mark in ("|", ">"):
        if mark in words:
            words = words[: words.index(mark)]
    return words


def prepare(name: str, folder: Path) -> None:
    """Take away what a first run would not find."""
    if name == "source add":
        shutil.rmtree(folder / "byleave-demo")
        (folder / "byleave-workspace").unlink()
        from byleave.wiring import create

        create(folder / "byleave-workspace").close()
    if name == "disclosure keygen":
        shutil.rmtree(folder / "acme")
    if name == "witness init":
        shutil.rmtree(folder / "my-witness")
    if name in {
        "model suggest", "release publish", "release rollback", "release show", "release suggest",
    }:  # fmt: skip
        agree_again(folder)  # what holds rows of somebody who left is neither released nor loaded
    if name == "access revoke":
        from byleave.wiring import open as open_workspace
        from byleave.wiring.admission import Admission

        with open_workspace(folder / "byleave-workspace") as ws, Admission(ws) as admission:
            admission.make_token("shop", frozenset({"consent.read"}))
    if name in {"request close", "request extend"}:
        from byleave.wiring import open as open_workspace

        with open_workspace(folder / "byleave-workspace") as ws:
            ws.requests.open("m-1", "access")
    if name in {"snapshot diff", "snapshot renew", "member erase"}:
        reach(name, folder)


def wide(lines: list[str]) -> list[str]:
    """Return the lines beyond 80 columns, but for words that nobody can break: uses, digests."""
    return [line for line in lines if len(line) > 80 and max(map(len, line.split())) <= 36]


@pytest.mark.parametrize("name", ALL)
def test_every_command_shows_an_example(say: Say, name: str) -> None:
    """`--help` of every command exits 0, explains it, and shows a command line of its own."""
    said = say(*name.split(), "--help")
    assert said.code == 0
    assert f"byleave {name}" in said.out
    own = [e for e in ALL[name].examples if " ".join(arguments(e)).startswith(name)]
    assert own or name in ELSEWHERE


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_runs(copy: Path, say: Say, name: str, example: str) -> None:
    """Each example of a command's help runs as it stands; what it prints is plain and 80 wide."""
    prepare(name, copy)
    said = say(*arguments(example))
    assert said.code == 0, said.err
    assert said.out.strip()
    assert "\x1b" not in said.out + said.err
    assert "--json" in example or name in ONE_LINE_EACH or wide(said.out.splitlines()) == []


@pytest.mark.parametrize(("name", "example"), [e for e in EXAMPLES if "--json" not in e[1]])
def test_every_example_has_json(copy: Path, say: Say, name: str, example: str) -> None:
    """With `--json` each example prints exactly one object, which names its schema."""
    prepare(name, copy)
    said = say(*arguments(example), "--json")
    assert said.code == 0, said.out
    assert said.json["schema"].startswith("byleave/")
    assert said.json["schema"].rpartition("/")[2][:1] == "v"


@pytest.mark.parametrize("name", ALL)
def test_help_fits_a_terminal(say: Say, name: str) -> None:
    """Help is at most 80 columns wide."""
    assert wide(say(*name.split(), "--help").out.splitlines()) == []


@pytest.mark.parametrize("name", WITH_WORKSPACE)
def test_a_missing_workspace_is_one_error(here: Path, say: Say, tmp_path: Path, name: str) -> None:
    """Each command that needs a workspace says that there is none: exit 2, text or one object."""
    usable = [e for e in ALL[name].examples if " ".join(arguments(e)).startswith(name)]
    words = [w for w in arguments(usable[0]) if w != "--json"]
    if "--workspace" in words:
        at = words.index("--workspace")
        words = words[:at] + words[at + 2 :]
    nowhere = ["--workspace", str(tmp_path / "nowhere")]
    plain = say(*words, *nowhere)
    assert plain.code == 2
    assert plain.out == ""
    assert plain.err.startswith("error[workspace.missing]: ")
    assert not (tmp_path / "nowhere").exists()
    if "--json" in ALL[name].options:
        said = say(*words, *nowhere, "--json")
        assert said.code == 2
        assert said.err == ""
        assert said.json["schema"] == "byleave/error/v1"
        assert said.json["error"]["code"] == "workspace.missing"
        assert said.json["exit"] == 2


@pytest.mark.parametrize("name", ALL)
def test_a_wrong_option_is_one_error(here: Path, say: Say, name: str) -> None:
    """An option that does not exist is exit 2 and names the command's help; JSON on request."""
    plain = say(*name.split(), "--no-such-option")
    assert plain.code == 2
    assert plain.out == ""
    assert "error[cli.usage]" in plain.err
    assert "--help" in plain.err
    said = say(*name.split(), "--no-such-option", "--json")
    assert (said.code, said.json["exit"], said.json["error"]["code"]) == (2, 2, "cli.usage")
    assert said.json["schema"] == "byleave/error/v1"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["fskc"], "fsck"),
        (["gates"], "gate"),
        (["realease", "list"], "release"),
        (["gate", "runn", "messages"], "run"),
        (["release", "publsh"], "publish"),
        (["gate", "run", "messages", "--sael"], "--seal"),
    ],
)
def test_a_misspelt_command_names_the_near_one(say: Say, typed: list[str], meant: str) -> None:
    """A misspelt noun, verb or option names the nearest one that exists."""
    said = say(*typed)
    assert said.code == 2
    assert meant in said.err.split("error[")[1]
    assert meant in say(*typed, "--json").json["error"]["message"]


def test_nothing_typed_shows_what_there_is(say: Say) -> None:
    """`byleave` alone lists every command and exits 2; `byleave --help` does and exits 0."""
    from byleave.cli.main import COMMANDS

    for typed, code in (([], 2), (["--help"], 0), (["-h"], 0)):
        said = say(*typed)
        assert said.code == code
        for name in COMMANDS:
            assert f"  {name}" in said.out + said.err


def test_the_list_names_the_verbs_that_exist(say: Say) -> None:
    """Each verb that a noun's line in the list names is one of its verbs."""
    from byleave.cli.main import COMMANDS

    verbs: dict[str, set[str]] = {}
    for name in ALL:
        noun, _, verb = name.partition(" ")
        if verb:
            verbs.setdefault(noun, set()).add(verb)
    for noun, (_, sentence) in COMMANDS.items():
        if noun in verbs and len(verbs[noun]) > 1:
            listed = [part.split()[0].strip(".") for part in sentence.rpartition(":")[2].split(",")]
            assert set(listed) <= verbs[noun], noun


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_explained(say: Say, code: str) -> None:
    """`byleave help CODE` explains every error code, offline, as text and as JSON."""
    assert " ".join([code, *CODES[code].split()]) == " ".join(say("help", code).out.split())
    assert say("help", code, "--json").json["entries"] == {code: CODES[code]}


@pytest.mark.parametrize(
    "topic", ["exit-codes", "reasons", "errors", "environment", "no-grant", "party-vetoed"]
)
def test_topics_are_explained(say: Say, topic: str) -> None:
    """Each topic is explained, as text and as JSON."""
    assert say("help", topic).code == 0
    assert say("help", topic, "--json").json["topic"] == topic


def test_help_without_a_topic_is_json_too(say: Say) -> None:
    """`byleave help --json` prints one object that lists the topics."""
    found = say("help", "--json").json
    assert found["schema"] == "byleave/help/v1"
    assert found["entries"]


def test_an_unknown_topic_names_the_near_one(say: Say) -> None:
    """A misspelt topic is exit 2 and names the nearest."""
    said = say("help", "workspace.damged")
    assert said.code == 2
    assert "workspace.damaged" in said.err


# -- exit codes --------------------------------------------------------------------------------


def test_exit_0_a_gate_that_keeps_nothing_has_done_its_work(copy: Path, say: Say) -> None:
    """A gate run that keeps no row is exit 0; with `--require-rows` it is exit 4."""
    use = "train.safety/messages/platform"
    assert say("gate", "run", "messages", "--use", use).code == 0
    said = say("gate", "run", "messages", "--use", use, "--require-rows", "--json")
    assert (said.code, said.json["kept"]) == (4, 0)


def test_exit_1_another_process_is_writing(copy: Path, say: Say) -> None:
    """While another writer holds the workspace a writing command is exit 1, a reading one 0."""
    import byleave

    with byleave.open(copy / "byleave-demo"):
        said = say("member", "enrol", "m-99", "--json")
        assert (said.code, said.json["error"]["code"]) == (1, "workspace.busy")
        assert say("source", "list").code == 0
    assert say("member", "enrol", "m-99").code == 0


def test_exit_1_stopped_by_the_keyboard(
    copy: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a command is exit 1, `cli.interrupted`, and the workspace is as it was."""
    from byleave.service import gate

    def stop(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    size = say("log", "checkpoint", "--json").json["size"]
    monkeypatch.setattr(gate, "compile_now", stop)
    said = say("gate", "run", "messages", "--use", PLATFORM, "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "cli.interrupted")
    assert say("log", "checkpoint", "--json").json["size"] == size


def test_exit_1_a_fault_of_ours_says_so(
    copy: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is `cli.fault`, without a traceback unless asked for."""
    from byleave.wiring import nouns

    def fault(self: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(nouns.Sources, "list", fault)
    said = say("source", "list")
    assert said.code == 1
    assert "error[cli.fault]" in said.err
    assert "secret detail" not in said.err
    assert "ZeroDivisionError: secret detail" in say("--debug", "source", "list").err
    assert "ZeroDivisionError: secret detail" in say("source", "list", "--debug").err
    assert "No such command '--debug'" in say("--", "--debug").err


def test_a_full_disk_without_a_name_names_none(
    copy: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output that is full (`> /dev/full`) has no file to name, and no `where` is printed."""
    from byleave.wiring import nouns

    def full(self: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nouns.Sources, "list", full)
    said = say("source", "list")
    assert said.code == 1
    assert said.err.startswith("error[world.disk-full]")
    assert "where" not in said.err


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (["source", "add", "absent.parquet", "--contract", "messages.yaml"], "input.not-found"),
        (["source", "add", "consent.csv", "--contract", "messages.yaml"], "data.unreadable"),
        (["source", "add", "messages.parquet", "--contract", "absent.yaml"], "input.not-found"),
        (["source", "add", "messages.parquet", "--contract", "messages.parquet"], "input.malformed"),
        (["gate", "run", "messages", "--use", "train/nothing"], "use.malformed"),
        (["gate", "run", "messages", "--use", "train.wrong/messages/platform"], "use.unknown-term"),
        (["gate", "run", "absent", "--use", PLATFORM], "workspace.unknown-object"),
        (["consent", "record", "nobody", PLATFORM, "--notice", "replies-7"], "member.unknown"),
        (["consent", "record", "m-1", PLATFORM, "--notice", "replies-7", "--expires", "soon"],
         "input.instant"),
        (["policy", "publish", "ask.md"], "policy.malformed"),
        (["policy", "show", "privacy-policy", "99"], "workspace.unknown-object"),
        (["gate", "run", "messages", "--use", PLATFORM, "--seal", "--dry-run"], "cli.usage"),
        (["model", "train", "replies", "--snapshot", "set-1", "--column", "x"], "cli.usage"),
        (["verify", "absent.proof", "--trust", "trust.policy"], "input.not-found"),
        (["log", "show", "99999999"], "log.no-such-entry"),
    ],
)  # fmt: skip
def test_exit_2_input_that_cannot_be_used(
    copy: Path, say: Say, typed: list[str], code: str
) -> None:
    """Input that is missing, malformed or unknown is exit 2 with its code, and logs nothing."""
    size = say("log", "checkpoint", "--json").json["size"]
    said = say(*typed, "--json")
    assert (said.json["error"]["code"], said.code) == (code, 2)
    assert say("log", "checkpoint", "--json").json["size"] == size


def test_exit_3_evidence_that_does_not_verify(copy: Path, say: Say) -> None:
    """A changed proof, a malformed one and a damaged workspace are exit 3."""
    proof = copy / "absence.proof"
    check = ("verify", "absence.proof", "--trust", "trust.policy", "--receipt", "my.receipt")
    assert say(*check).code == 0
    proof.write_bytes(proof.read_bytes().replace(b"1", b"2", 1))
    said = say(*check, "--json")
    assert (said.code, said.json["exit"], said.json["ok"]) == (3, 3, False)
    proof.write_bytes(b"{}")
    assert say(*check).code == 3
    data = copy / "byleave-demo" / "snapshots" / "set-1" / "data.parquet"
    data.write_bytes(data.read_bytes()[:-1])
    said = say("fsck", "--workspace", "byleave-demo", "--json")
    assert (said.code, said.json["ok"]) == (3, False)
    assert "set-1" in said.json["problems"][0]["where"]
    assert say("release", "refit", "replies-1").code == 3


def test_exit_4_understood_and_refused(copy: Path, say: Say) -> None:
    """A grant by a control that was on, and a package nobody allowed, are exit 4."""
    assert (
        say("notice", "publish", "ask.md", "--id", "s", "--ask", PLATFORM, "--control", "on").code
        == 0
    )
    said = say("consent", "record", "m-1", PLATFORM, "--notice", "s", "--json")
    assert (said.code, said.json["error"]["code"]) == (4, "notice.preset-control")
    use = "train.safety/messages/provider.acme"
    said = say("disclosure", "offer", "messages", "--use", use, "--json")
    assert (said.code, said.json["error"]["code"]) == (4, "disclosure.nothing-allowed")


# -- the whole way on the command line ---------------------------------------------------------


def test_the_whole_way_on_the_command_line(copy: Path, say: Say) -> None:
    """From an empty folder to an unlearned release and an accepted proof, by commands alone."""
    here = ("--workspace", "mine", "--json")
    assert say("init", "mine", "--json").code == 0
    assert (
        say("source", "add", "messages.parquet", "--contract", "messages.yaml", *here).json[
            "enrolled"
        ]
        == 40
    )
    say("notice", "publish", "ask.md", "--id", "q", "--ask", PLATFORM, *here)
    for number in range(1, 41):
        said = say(
            "consent", "record", f"m-{number}", PLATFORM, "--notice", "q", "--includes-past", *here
        )
        assert said.code == 0
    gate = say("gate", "run", "messages", "--use", PLATFORM, "--seal", *here).json
    assert (gate["kept"], gate["rows"]) == (600, 600)
    run = say(
        "model", "train", "replies", "--snapshot", gate["snapshot"], "--column", "thread=thread_id",
        "--column", "author=sender_id", *here,
    ).json["run"]  # fmt: skip
    first = say("release", "publish", run, *here).json["release"]
    assert say("withdrawal", "plan", *here).json["affected"] == []
    say("consent", "withdraw", "m-3", "train/messages/*", *here)
    assert say("withdrawal", "plan", *here).json["affected"][0]["name"] == first
    (done,) = say("withdrawal", "run", *here).json["unlearned"]
    assert done["model"] == done["refit"]
    assert say("release", "refit", done["to"], *here).json["same"] is True
    for release, kind in ((first, "presence"), (done["to"], "absence")):
        proof = say("proof", "make", "m-3", "--release", release, *here).json
        assert proof["kind"] == kind
        checked = say(
            "verify", proof["path"], "--trust", proof["trust"], "--receipt", proof["receipt"],
            "--json",
        ).json  # fmt: skip
        assert checked["ok"] is True
    assert say("fsck", *here).json["ok"] is True


@pytest.mark.parametrize(
    "words", [["policy", "list"], ["source", "list"], ["release", "list"], ["disclosure", "list"]]
)
def test_an_empty_list_says_none(tmp_path: Path, say: Say, words: list[str]) -> None:
    """Of an empty workspace a list shows its columns and "none", not columns alone."""
    assert say("init", str(tmp_path / "new")).code == 0
    assert say(*words, "--workspace", str(tmp_path / "new")).out.splitlines()[1:] == ["  none"]


def test_commands_are_what_click_knows() -> None:
    """Every command has a name, a click object and at least one example that can be run."""
    assert len(ALL) == len({command.words for command in ALL.values()}) >= 40
    for command in ALL.values():
        assert isinstance(command, Command)
        assert command.examples or command.name in ELSEWHERE, command.name
