"""The replay in a hostile world: no data, bad data, no room, stopped, started twice."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from byleave.cli.main import main
from byleave.demo import replay as replays
from byleave.demo import scenes
from byleave.demo.folder import finished_folder
from byleave.errors import ConflictError, InputError
from byleave.pages.report import render_report
from byleave.wiring import create
from tests.demo.conftest import COMMAND, Replay, replay


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_without_data_it_says_so_loudly(
    small: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a data folder and a network the replay runs on generated messages, and says so."""
    monkeypatch.setattr("byleave.pages.report.render_report", render_report)
    made = small(tmp_path / "demo")
    assert made.facts["data_origin"] == "generated"
    assert "!! GENERATED DATA" in made.told
    assert made.facts["messages"] == 2_400
    assert made.facts["release_2"] == made.facts["refit_without_withdrawn"]
    report = (tmp_path / "demo" / "report.html").read_text("utf-8")
    assert "generated" in report.lower()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo"]


def test_another_seed_is_another_replay(small: Replay, tmp_path: Path) -> None:
    """Another seed gives other digests; the same one gives the same, over an earlier demo too."""
    first, other = small(tmp_path / "a", seed=1), small(tmp_path / "b", seed=2)
    again = small(tmp_path / "b", seed=1)
    digests = [
        tuple(made.facts[name] for name in ("release_1", "release_2"))
        for made in (first, other, again)
    ]
    assert digests[0] == digests[2]
    assert not set(digests[0]) & set(digests[1])


@pytest.mark.parametrize("scene", [0, 6])
def test_stopped_in_a_scene_it_leaves_nothing(
    small: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: int
) -> None:
    """Ctrl-C after any scene leaves no folder where there was none."""
    monkeypatch.setattr(scenes, "ALL", (*scenes.ALL[: scene + 1], _stop))
    with pytest.raises(KeyboardInterrupt):
        small(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_stopped_it_leaves_an_earlier_demo(
    small: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C leaves an earlier demo as it was, byte for byte."""
    small(tmp_path / "demo")
    before = tree(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(scenes, "ALL", (scenes.ALL[0], _stop))
        with pytest.raises(KeyboardInterrupt):
            small(tmp_path / "demo", seed=2)
    assert tree(tmp_path) == before


def test_stopped_while_taking_its_place_it_leaves_the_earlier_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between moving the earlier demo away and the new one in puts the earlier one back."""
    target = tmp_path / "demo"
    create(target, seed=1).close()
    before = tree(tmp_path)
    real = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self.name == ".demo.unfinished":
            raise KeyboardInterrupt
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt), finished_folder(target) as draft:
        create(draft, seed=2).close()
    assert tree(tmp_path) == before
    monkeypatch.undo()
    with finished_folder(target) as draft:
        create(draft, seed=2).close()
    assert tree(tmp_path).keys() == before.keys()
    assert tree(tmp_path) != before


def test_a_second_demo_beside_a_running_one_is_busy(
    small: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one demo fills a folder a second is `workspace.busy`, and the first goes on."""
    seen: list[str] = []

    def again(*args: object) -> None:
        with pytest.raises(ConflictError) as error:
            replay(tmp_path / "demo")
        seen.append(error.value.code)

    monkeypatch.setattr(scenes, "ALL", (again, *scenes.ALL))
    small(tmp_path / "demo")
    assert seen == ["workspace.busy"]
    assert (tmp_path / "demo" / "report.html").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.parametrize("there", ["file", "folder", "workspace"])
def test_what_is_no_demo_is_not_replaced(small: Replay, tmp_path: Path, there: str) -> None:
    """A file, a folder with something in it, or a workspace of somebody's own is refused."""
    target = tmp_path / "demo"
    if there == "file":
        target.write_text("mine")
    elif there == "folder":
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    else:
        create(target).close()
    before = tree(tmp_path)
    with pytest.raises(ConflictError) as error:
        small(target)
    assert error.value.code == "workspace.exists"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_damaged_data_set_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    """A data set's file that is cut off or no Parquet is exit 2, `data.damaged`; nothing is made."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "data" / "persuasion-for-good"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["x"] * 999}), folder / "messages.parquet")
    data = (folder / "messages.parquet").read_bytes()
    bad = {"cut": data[: len(data) // 2], "text": b"hello", "empty": b""}[damage]
    (folder / "messages.parquet").write_bytes(bad)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--data", "data", "--workspace", "demo"]) == 2
    assert "error[data.damaged]" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_folder_without_the_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that was named and holds no such data set is exit 2, and nothing is downloaded."""

    def fetch(*args: object) -> bytes:
        raise AssertionError("a named folder was not taken at its word")

    monkeypatch.setattr("byleave.wiring.data.fetch", fetch)
    monkeypatch.chdir(tmp_path)
    for how in (["--data", "nowhere"], []):
        if not how:
            monkeypatch.setenv("BYLEAVE_DATA", str(tmp_path))
        assert main(["demo", *how, "--workspace", "demo"]) == 2
        assert "error[data.not-found]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real_data
def test_ctrl_c_ends_the_command(data_dir: Path, tmp_path: Path) -> None:
    """A real SIGINT in the middle ends the command with exit 1, a sentence, and no folder."""
    with subprocess.Popen(
        [*COMMAND, "demo", "--data", str(data_dir), "--workspace", "demo"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("3."):
                break
        running.send_signal(signal.SIGINT)
        _, error = running.communicate(timeout=240)
    assert running.returncode == 1
    assert error.strip().startswith("error[cli.interrupted]")
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_the_clock_of_a_replay_does_not_go_back() -> None:
    """A replay's clock is set forwards only."""
    from byleave.wiring.world import ReplayClock

    clock = ReplayClock(replays.START)
    clock.set(scenes.POLICY_DAY)
    with pytest.raises(ConflictError) as error:
        clock.set(scenes.SETTING_DAY)
    assert error.value.code == "workspace.clock"
    assert clock() == scenes.POLICY_DAY


def test_a_named_folder_is_never_left_for_generated_messages(tmp_path: Path) -> None:
    """Where a data folder was named and does not hold the set, no generated set takes its place."""
    with pytest.raises(InputError) as error:
        replay(tmp_path / "demo", data=tmp_path)
    assert error.value.code == "data.not-found"


def _stop(*args: object) -> None:
    raise KeyboardInterrupt
