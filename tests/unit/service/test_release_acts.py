"""Lineage both ways, rollback, refit, the purge rule, what a batch would cost, approximate trainers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from byleave.errors import ByleaveError, ConflictError, InputError, RefusedError
from byleave.evidence.entry import RollbackEntry, parse_entry
from byleave.service.refit import same_grid
from byleave.training.measurements import Measurements, base_of, check_exactness
from byleave.verify import verify
from byleave.wiring import Workspace
from byleave.wiring.config import read_config
from tests.unit.service.small import COLUMNS, PLATFORM, PROVIDER, Grown, grant

MEASURED = Measurements(
    references=8,
    ks_p=0.4,
    ulira_tpr=0.02,
    utility_gap=-0.001,
    time_ratio=0.05,
    sequence=50,
    sequence_ks_p=0.1,
)


def again(ws: Workspace) -> str:
    """Gate, seal, train and publish once more; return the release."""
    gate, gated = ws.gate.run("messages", PLATFORM)
    run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
    return ws.release.publish(run).release


# --- lineage -----------------------------------------------------------------------------------


def test_a_release_names_all_it_came_from(copied: Grown) -> None:
    """From a release: run, recipe, snapshots to the first, gates, source, notices agreed to."""
    with copied.open() as ws:
        ws.withdrawal.run()
        found = ws.release.lineage("replies-2")
        assert [s["snapshot"] for s in found["snapshots"]] == ["set-2", "set-1"]
        assert [g["gate"] for g in found["gates"]] == ["gate-3", "gate-1"]
        assert found["parent"] == copied.release
        assert found["source"]["source"] == "messages"
        assert [n["notice"] for n in found["notices"]] == ["question-1"]
        openings = ws.openings("set-2")
        own = int(np.count_nonzero(openings["ground"].to_numpy() == 1))
        assert found["notices"][0]["party_records"] == own > 0
        for part in (found, found["run"], *found["snapshots"], *found["gates"], found["source"]):
            assert 0 <= part["index"] < ws.ledger.size()


def test_a_snapshot_a_member_a_record_lead_to_their_releases(copied: Grown) -> None:
    """From a snapshot, a member and a record: exactly the releases trained on them."""
    with copied.open() as ws:
        ws.withdrawal.run()

        def names(**asked: Any) -> list[str]:
            return [r["release"] for r in ws.release.trained_on(**asked)]

        assert names(snapshot="set-1") == ["replies-1", "replies-2"]
        assert names(snapshot="set-2") == ["replies-2"]
        assert names(member=copied.withdrew[0]) == ["replies-1"]
        for silent in copied.silent[:2]:
            held = {
                r
                for r, s in (("replies-1", "set-1"), ("replies-2", "set-2"))
                if ws.member.ordinal(silent) in ws.openings(s)["ordinal"].to_pylist()
            }
            assert set(names(member=silent)) == held
        source = {}
        for name in ("set-1", "set-2"):
            sealed = ws.snapshot.open(name)
            from byleave.service.snapshot import source_rows_of

            source[name] = set(source_rows_of(ws.house, sealed)[sealed.alive].tolist())
        gone = min(source["set-1"] - source["set-2"])
        kept = min(source["set-2"])
        never = min(set(range(600)) - source["set-1"])
        assert names(record=("messages", gone)) == ["replies-1"]
        assert names(record=("messages", kept)) == ["replies-1", "replies-2"]
        assert names(record=("messages", never)) == []
        for wrong in ({}, {"snapshot": "set-1", "member": "x"}, {"record": ("messages", 600)},
                      {"member": "nobody"}, {"snapshot": "set-9"}):  # fmt: skip
            with pytest.raises(InputError):
                names(**wrong)


# --- rollback ----------------------------------------------------------------------------------


def test_a_rollback_is_logged_and_changes_no_proof(copied: Grown) -> None:
    """The older release is in service again, an entry says so, and every proof still verifies."""
    with copied.open() as ws:
        ws.withdrawal.run()
        newer = again(ws)
        trust = ws.places.trust.read_bytes()
        before = [ws.ledger.read(i, i + 1) for i in range(ws.ledger.size())]
        assert ws.release.rollback(newer) == ("replies-2", len(before))
        entry = parse_entry(ws.log.entry(len(before)), RollbackEntry)
        indexes = {r["release"]: r["index"] for r in ws.release.list()}
        assert (entry.from_, entry.to) == (indexes[newer], indexes["replies-2"])
        current = [r["release"] for r in ws.release.list() if r["superseded_by"] is None]
        assert current == ["replies-2"]
        assert [ws.ledger.read(i, i + 1) for i in range(len(before))] == before
        for name in (f"lineage-{newer}", "lineage-replies-2", "certificate-replies-2"):
            assert verify(ws.proof.bytes(name), trust).ok
        assert ws.fsck() == []
        ws.consent.withdraw(copied.agreed[3], "train/messages/*")
        ((done,), _) = ws.withdrawal.run()
        assert done.old == "replies-2"
        assert ws.fsck() == []


def test_no_rollback_brings_back_who_left(copied: Grown) -> None:
    """An older release that holds rows no longer admitted is refused, due or not, named or not."""
    with copied.open() as ws:
        ws.withdrawal.run()
        size = ws.ledger.size()
        for to, code in ((copied.release, "release.rollback-stale"), (None, "release.rollback")):
            with pytest.raises(RefusedError) as caught:
                ws.release.rollback("replies-2", to=to)
            assert caught.value.code == code
        assert ws.ledger.size() == size


def test_the_state_of_what_was_rolled_back_goes_once_somebody_leaves(copied: Grown) -> None:
    """A release out of service keeps no state that still knows who left: erasure is not held up."""
    with copied.open() as ws:
        ws.withdrawal.run()
        newer = again(ws)
        run = next(r["run"] for r in ws.release.list() if r["release"] == newer)
        ws.release.rollback(newer)
        assert ws.withdrawal.forecast().runs == ()
        ws.consent.withdraw(copied.agreed[3], "train/messages/*")
        (stale,) = ws.withdrawal.forecast().runs
        assert stale.name == run
        (batch,) = ws.withdrawal.carry_out()
        assert {name.rpartition("/")[0] for name in batch.purged} >= {f"runs/{run}"}
        assert not (ws.path / "runs" / run).exists()
        assert ws.fsck() == []


def test_a_rollback_goes_back_and_to_its_like(copied: Grown) -> None:
    """Not to a newer one, not from one that is not in service, not to one whose state is gone."""
    with copied.open() as ws:
        ws.withdrawal.run()
        newer = again(ws)
        for name, to in (("replies-2", newer), (copied.release, None), ("replies-2", "replies-2")):
            with pytest.raises(RefusedError) as caught:
                ws.release.rollback(name, to=to)
            assert caught.value.code == "release.rollback"
        for use in (PLATFORM, PROVIDER):
            ws.consent.record([grant(m, use, ws) for m in copied.withdrew])
        with pytest.raises(ConflictError) as gone:  # allowed again, but its state was purged
            ws.release.rollback("replies-2", to=copied.release)
        assert gone.value.code == "training.no-state"
        with pytest.raises(InputError):
            ws.release.rollback("replies-9")


# --- refit -------------------------------------------------------------------------------------


def test_a_refit_says_which_equality_it_showed(copied: Grown) -> None:
    """Bytes, state and served grid are told apart; the environment is the recorded one."""
    with copied.open() as ws:
        found = ws.release.refit_report(copied.release)
        assert (found.bytes_equal, found.state_equal, found.grid_equal) == (True, True, True)
        assert (found.shown, found.differing, found.changed) == ("state", (), ())
        assert found.recorded == found.environment
        ws.withdrawal.run()
        old = ws.release.refit_report(copied.release)
        assert (old.bytes_equal, old.state_equal, old.shown) == (True, None, "bytes")


def test_a_refit_elsewhere_names_what_is_not_the_same(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment is another one, the refit names the parts that differ."""
    with copied.open(read_only=True) as ws:
        here = dict(ws.house.environment())
        ws.house = replace(ws.house, environment=lambda: {**here, "threads": 99, "blas": "other 1"})
        ws._nouns()
        found = ws.release.refit_report(copied.release)
        assert found.changed == ("blas", "threads")
        assert found.bytes_equal


def test_a_refit_that_differs_shows_nothing(copied: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that fits something else gives other bytes, and no equality is claimed."""
    with copied.open(read_only=True) as ws:
        trainer = ws.house.trainers["replies"]
        fit = type(trainer).fit
        monkeypatch.setattr(
            type(trainer), "fit", lambda self, batches, recipe: fit(self, list(batches)[:0], recipe)
        )
        found = ws.release.refit_report(copied.release)
        assert (found.bytes_equal, found.shown) == (False, "none")
        assert found.differing


def test_the_served_grid_is_finer_than_nothing_and_coarser_than_bytes() -> None:
    """Numbers equal at 2^-20 are one grid; anything more, or another name, shape or word, is not."""
    import json
    import struct

    def tensors(values: list[float], shape: list[int] | None = None) -> bytes:
        data = np.array(values, "<f8").tobytes()
        head = json.dumps(
            {"w": {"dtype": "F64", "shape": shape or [len(values)], "data_offsets": [0, len(data)]}}
        ).encode()
        return struct.pack("<Q", len(head)) + head + data

    step = 2.0**-20
    one = {"m.safetensors": tensors([0.5, 0.25])}
    assert same_grid(one, {"m.safetensors": tensors([0.5 + step / 8, 0.25 - step / 8])})
    assert not same_grid(one, {"m.safetensors": tensors([0.5 + step, 0.25])})
    assert not same_grid(one, {"m.safetensors": tensors([0.5, 0.25], [2, 1])})
    assert not same_grid(one, {"n.safetensors": tensors([0.5, 0.25])})
    assert not same_grid(one, {"m.safetensors": b"short"})
    assert same_grid({"m.json": b'{"a":0.5}'}, {"m.json": b'{"a": 0.50000001}'})
    assert not same_grid({"m.json": b'{"a":0.5}'}, {"m.json": b'{"a":0.6}'})
    assert not same_grid({"m.json": b'{"a":"x"}'}, {"m.json": b'{"a":"y"}'})
    assert not same_grid({"m.bin": b"a"}, {"m.bin": b"b"})


# --- the purge rule ----------------------------------------------------------------------------


def test_under_the_rule_releases_a_replaced_model_is_gone(copied: Grown) -> None:
    """Its files are removed, the certificate lists them, loading it is refused, its proofs stay."""
    path = copied.path / "byleave.toml"
    path.write_text(path.read_text() + 'purge = "releases"\n')
    with copied.open() as ws:
        files = set(ws.release.load(copied.release).files)
        assert ws.withdrawal.forecast().purge == "releases"
        (batch,) = ws.withdrawal.carry_out()
        folder = ws.path / "releases" / copied.release
        assert not files & {p.name for p in folder.iterdir()}
        assert {f"releases/{copied.release}/{name}" for name in files} <= set(batch.purged)
        certificate = ws.withdrawal.certificate("replies-2")
        assert certificate is not None
        purge = certificate["statement"]["purge"]
        assert purge["rule"] == "releases"
        assert [item["name"] for item in purge["removed"]] == list(batch.purged)
        for act in (
            lambda: ws.release.load(copied.release),
            lambda: ws.release.load(copied.release, force=True, because="to compare"),
            lambda: ws.release.suggest(copied.release, "Hello!"),
            lambda: ws.release.rollback("replies-2", to=copied.release),
        ):
            with pytest.raises(RefusedError) as caught:
                act()
            assert caught.value.code == "release.purged"
        found = ws.release.refit_report(copied.release)
        assert (found.bytes_equal, found.differing) == (True, ())
        trust = ws.places.trust.read_bytes()
        for name in ("lineage-replies-1", "certificate-replies-2"):
            assert verify(ws.proof.bytes(name), trust).ok
        assert ws.fsck() == []


def test_what_a_crash_kept_from_being_purged_goes_at_the_next_opening(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files whose removal is logged are gone once the workspace is opened again."""
    path = copied.path / "byleave.toml"
    path.write_text(path.read_text() + 'purge = "releases"\n')
    folder = copied.path / "releases" / copied.release
    with copied.open() as ws, monkeypatch.context() as patch:
        files = set(ws.release.load(copied.release).files)
        patch.setattr(type(ws._artefacts), "remove", _stop)
        with pytest.raises(KeyboardInterrupt):
            ws.withdrawal.run()
    assert files <= {p.name for p in folder.iterdir()}
    with copied.open() as ws:
        assert not files & {p.name for p in folder.iterdir()}
        with pytest.raises(RefusedError):
            ws.release.load(copied.release)


def test_the_rule_is_one_of_two(copied: Grown) -> None:
    """Another purge rule than the two is no configuration of ours."""
    path = copied.path / "byleave.toml"
    path.write_text(path.read_text() + 'purge = "everything"\n')
    with pytest.raises(ByleaveError) as caught:
        copied.open()
    assert caught.value.code == "workspace.damaged"


def test_the_rule_survives_being_written(copied: Grown) -> None:
    """A configuration with a purge rule reads as it was written."""
    with copied.open() as ws:
        config = replace(ws.config, purge="releases")
        config.write(ws.places)
        assert read_config(ws.places) == config


# --- what it would cost ------------------------------------------------------------------------


def test_a_plan_says_what_to_read_and_how_long(copied: Grown) -> None:
    """Rows to read and seconds follow from what was measured at the fit, then at the last forgetting."""
    with copied.open() as ws:
        plan = ws.withdrawal.forecast()
        (item,) = plan.releases
        assert (item.release, item.trainer, item.exact) == (copied.release, "replies", True)
        assert item.read == item.leaving == ws.withdrawal.plan()[0].rows
        run = next(r for r in ws.model.list() if r["run"] == copied.run)
        measured = run["measured"]
        assert measured["fit_rows"] == item.rows
        rate = measured["fit_us"] / measured["fit_rows"]
        assert item.seconds == (item.read * rate + measured["encode_us"]) / 1e6
        assert plan.seconds == item.seconds
        (package,) = plan.recipients
        assert (package["package"], package["recipient"]) == (copied.package, "provider.host")
        assert plan.unfinished is None
        ws.withdrawal.run()
        assert ws.withdrawal.forecast().empty
        ws.consent.withdraw(copied.agreed[3], "train/messages/*")
        (later,) = ws.withdrawal.forecast().releases
        forgot = next(r for r in ws.model.list() if r["run"] == "replies-2")["measured"]
        per_row = forgot["forget_us"] / forgot["forget_rows"]
        assert later.measured == "replies-2"
        assert later.seconds == (later.read * per_row + forgot["encode_us"]) / 1e6


def test_what_was_never_measured_has_no_forecast(copied: Grown) -> None:
    """A run from before rates were kept is planned without seconds."""
    with copied.open() as ws:
        _, _, document = ws.ledger.object("run", copied.run) or (0, 0, {})
        with ws.house.ledger.writing() as writer:
            writer.replace_object(
                "run", copied.run, {k: v for k, v in document.items() if k != "measured"}
            )
        plan = ws.withdrawal.forecast()
        assert (plan.releases[0].seconds, plan.releases[0].refit_seconds) == (None, None)
        assert plan.seconds is None
        assert len(ws.withdrawal.run()[0]) == 1


# --- approximate trainers ----------------------------------------------------------------------


class Rough:
    """A trainer that says it does not unlearn exactly; made of the exact one for replies."""

    name = "rough"
    exact = False
    measurements: Measurements | None = MEASURED

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.columns = inner.columns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def forget(self, state: Any, removed: Any) -> Any:
        """Forget nothing at all: as approximate as can be."""
        del removed
        return state


def test_an_approximate_trainer_is_registered_with_its_measurements_or_not_at_all(
    copied: Grown,
) -> None:
    """Without measurements, or exact with some, a trainer is refused, registered or trained with."""
    with copied.open() as ws:
        inner = ws.house.trainers["replies"]
        bad = []
        for exact, measured in (
            (False, None),
            (True, MEASURED),
            (False, {"ks_p": 1}),
            (None, None),
        ):
            rough = Rough(inner)
            rough.exact, rough.measurements = exact, measured  # type: ignore[assignment]
            bad.append(rough)
        for rough in bad:
            with pytest.raises(InputError) as caught:
                ws.use_trainer(rough)
            assert caught.value.code == "training.measurements"
            with pytest.raises(InputError):
                check_exactness(rough)
        assert "rough" not in ws.house.trainers
        ws.use_trainer(Rough(inner))


@pytest.mark.parametrize(
    "wrong",
    [
        {"references": 7}, {"sequence": 49}, {"ks_p": 1.5}, {"ks_p": float("nan")},
        {"ulira_tpr": -0.1}, {"time_ratio": 0.0}, {"utility_gap": float("inf")},
        {"sequence_ks_p": 2.0}, {"references": True},
    ],
)  # fmt: skip
def test_measurements_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    """Too few references or requests, shares outside 0 to 1, and numbers that are none are refused."""
    with pytest.raises(InputError) as caught:
        replace(MEASURED, **wrong)
    assert caught.value.code == "training.measurements"


def test_an_approximate_release_says_so_and_gets_no_certificate(copied: Grown) -> None:
    """Card, statement and answer say approximate; unlearning it is not compared and not certified."""
    with copied.open() as ws:
        ws.withdrawal.run()
        ws.use_trainer(Rough(ws.house.trainers["replies"]))
        gate, gated = ws.gate.run("messages", PLATFORM)
        run = ws.model.train("rough", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        assert next(r for r in ws.model.list() if r["run"] == run)["measurements"] == (
            MEASURED.to_dict()
        )
        release = ws.release.publish(run)
        card = (ws.path / "releases" / release.release / "model-card.md").read_text()
        assert "cannot be unlearned exactly" in card
        assert "| ulira_tpr | 0.02 |" in card
        ws.consent.withdraw(copied.agreed[3], "train/messages/*")
        done, _ = ws.withdrawal.run()
        rough = next(u for u in done if u.old == release.release)
        assert (rough.certificate, rough.refit) == (None, None)
        with pytest.raises(InputError):
            ws.proof.bytes(f"certificate-{rough.new.release}")
        assert ws.fsck() == []


def test_every_base_has_its_name(grown: Grown) -> None:
    """Built-in trainers say what they are built on; another one is `own`."""
    with grown.open(read_only=True) as ws:
        trainers = ws.house.trainers
        assert {name: base_of(trainers[name]) for name in ("content", "jobs", "replies")} == {
            "content": "statistics",
            "jobs": "statistics",
            "replies": "index",
        }
        rough = Rough(object.__new__(type(trainers["replies"])))
        rough.base = None  # type: ignore[attr-defined]
        assert base_of(rough) == "own"


def _stop(*args: object, **more: object) -> None:
    raise KeyboardInterrupt
