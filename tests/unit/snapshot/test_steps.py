"""Faults and edges of a map's steps, compiled and not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from byleave.errors import ByleaveError
from byleave.snapshot.commit import Enrolled, binary
from byleave.snapshot.steps import PlainSteps, Steps
from byleave.wiring.kernel import building
from tests.unit.snapshot.generated import EPOCH, Population, population


@pytest.fixture(params=["plain", "compiled"])
def steps(request: pytest.FixtureRequest) -> Steps:
    """The reference, and the compiled steps where numba is installed."""
    if request.param == "plain":
        return PlainSteps()
    pytest.importorskip("numba", reason="numba (extra kernel) is not installed")
    from byleave.engines.map_steps import CompiledSteps

    return CompiledSteps()


def build(people: Population, steps: Steps, **more: Any) -> Any:
    return people.build(steps=lambda _rows: steps, **more)


def code(people: Population, steps: Steps, **more: Any) -> str:
    with pytest.raises(ByleaveError) as caught:
        build(people, steps, **more)
    return caught.value.code


def test_two_members_of_one_secret_are_refused(steps: Steps) -> None:
    """Two labels that are equal are refused, wherever their members stand."""
    people = population(200, 900)
    secrets = people.enrolled.secrets.copy()
    secrets[150] = secrets[3]
    people.enrolled = replace(people.enrolled, secrets=secrets)
    assert code(people, steps) == "map.label-twice"


def test_a_bucket_holds_255_members(steps: Steps) -> None:
    """A bucket of 255 is built as the reference builds it; one more member is refused."""
    people = population(255, 9000)
    assert build(people, steps, k=0).root == people.reference(k=0).root
    assert code(population(256, 9000), steps, k=0) == "map.bucket-overfull"


def test_an_erased_member_is_refused(steps: Steps) -> None:
    """Openings of a member whose secret is gone are not sealed."""
    people = population(60, 300)
    erased = people.enrolled.erased.copy()
    erased[7] = True
    people.enrolled = replace(people.enrolled, erased=erased)
    assert code(people, steps) == "snapshot.erased-member"


def test_a_member_of_thousands_of_records(steps: Steps) -> None:
    """However many records one member has, the root is that of the reference."""
    people = population(3, 5000, skew=9)
    assert build(people, steps).root == people.reference().root


def test_log_indexes_far_apart(steps: Steps) -> None:
    """Ground indexes that leave no room for a place beside them are looked up all the same."""
    people = population(20, 64)
    far = np.where(np.arange(64) % 2, 2**60, 5)
    openings = people.openings.set_column(
        people.openings.schema.get_field_index("ground_index"), "ground_index", pa.array(far)
    )
    data, ends = steps.aside(openings, 20, 1)
    leaves = np.arange(64, dtype=np.uint8).reshape(2, 32)
    table = steps.table(data[: int(ends[0])], steps.order(data, 0), lambda _indexes: leaves)
    expected = leaves[(table["ground_index"].to_numpy() == 2**60).astype(int)]
    assert table["ground_leaf"].combine_chunks().equals(binary(expected))


def test_an_ordinal_beyond_the_parts_is_refused(steps: Steps) -> None:
    """An opening that no part holds is never put aside."""
    people = population(20, 64)
    with pytest.raises(IndexError):
        steps.aside(people.openings, 2, 5)


def test_an_ordinal_without_a_secret_is_refused(steps: Steps) -> None:
    """Openings of somebody who is not enrolled are not committed to."""
    people = population(20, 200)
    few = Enrolled(
        secrets=people.enrolled.secrets[:5],
        indexes=people.enrolled.indexes[:5],
        leaves=people.enrolled.leaves[:5],
        erased=people.enrolled.erased[:5],
    )
    data, _ = steps.aside(people.openings, 20, 1)
    table = steps.table(data, steps.order(data, 0), lambda indexes: people.grounds[indexes])
    with pytest.raises(IndexError):
        steps.entries(table, few, first=0, epoch=EPOCH)


def test_of_a_part_its_tops_alone_are_kept(steps: Steps) -> None:
    """What is left of a part once its files are written is 32 bytes for 256 buckets."""
    people = population(900, 1500)
    data, _ = steps.aside(people.openings, 900, 1)
    table = steps.table(data, steps.order(data, 0), lambda indexes: people.grounds[indexes])
    found, _ = steps.entries(table, people.range(0, 900), first=0, epoch=EPOCH)
    tops = steps.plant(found.tobytes(), k=10, first=0, buckets=1024).tops
    assert tops.shape == (4, 32)
    assert tops.base is None or tops.base.nbytes == tops.nbytes


def test_few_rows_compile_nothing(tmp_path: Any) -> None:
    """Below a hundred thousand rows a workspace seals by the reference."""
    assert building(tmp_path).steps(99_999) is None


def test_many_rows_are_compiled(tmp_path: Any) -> None:
    """From a hundred thousand rows on a workspace seals by compiled steps, where numba is."""
    pytest.importorskip("numba", reason="numba (extra kernel) is not installed")
    found = building(tmp_path).steps(100_000)
    assert type(found).__name__ == "CompiledSteps"
