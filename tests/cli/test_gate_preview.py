"""`byleave gate preview` on real data, counted again without it, and on bad input."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from byleave.cli.gate_preview import preview as command
from byleave.errors import ByleaveError
from byleave.wiring.file_preview import preview

USE = "train.generative.replies/messages.direct/platform"
CONTRACT = "contract: v1\nparties: {author: a, recipients: b}\ncategory_constant: messages.direct\n"


@pytest.fixture(scope="module")
def p4g(data_dir: Path) -> Path:
    """The real messages."""
    return data_dir / "persuasion-for-good" / "messages.parquet"


@pytest.fixture
def p4g_contract(root: Path) -> Path:
    """The contract that ships for them."""
    return root / "examples" / "contracts" / "persuasion-for-good.yaml"


def write_consent(path: Path, rows: Iterable[Iterable[str]], header: str = "") -> Path:
    """Write a consent table."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write((header or "member,use,decision") + "\n")
        csv.writer(stream).writerows(rows)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Five messages, a contract and a consent table in a folder."""
    table = pa.table({"a": ["x", "x", "y", "z", None], "b": ["y", "z", "x", "x", "x"]})
    pq.write_table(table, tmp_path / "m.parquet")
    (tmp_path / "c.yaml").write_text(CONTRACT)
    write_consent(tmp_path / "consent.csv", [["x", USE, "grant"], ["y", USE, "grant"]])
    return tmp_path


def run_small(folder: Path, **changes: Any) -> dict[str, Any]:
    """Preview the small folder with some arguments changed."""
    arguments: dict[str, Any] = {
        "contract": folder / "c.yaml",
        "consent": folder / "consent.csv",
        "use": USE,
    }
    data = changes.pop("data", folder / "m.parquet")
    return preview(data, **{**arguments, **changes}).to_dict()


def refused(folder: Path, **changes: Any) -> ByleaveError:
    """Return the error of a preview that must fail."""
    with pytest.raises(ByleaveError) as caught:
        run_small(folder, **changes)
    return caught.value


@pytest.mark.real_data
def test_real_shares_are_the_recount(p4g: Path, p4g_contract: Path, tmp_path: Path) -> None:
    """Under each party rule the rows kept equal a recount by NumPy, and reasons sum."""
    table = pq.read_table(p4g, columns=["sender_id", "recipient_id"])
    sender, recipient = (np.array(table[c].to_pylist()) for c in table.column_names)
    members = sorted({*sender, *recipient})
    rng = Random(11)
    words = {m: rng.choice(["grant", "grant", "refuse", "withdraw", ""]) for m in members}
    consent = write_consent(tmp_path / "consent.csv", [[m, USE, w] for m, w in words.items() if w])
    result = preview(p4g, contract=p4g_contract, consent=consent, use=USE).to_dict()
    said = np.vectorize(words.get)
    author, other = said(sender), said(recipient)
    veto = np.isin(author, ["refuse", "withdraw"]) | np.isin(other, ["refuse", "withdraw"])
    yes, too = author == "grant", other == "grant"
    assert result["party_rules_kept"] == {
        "author": int((yes & ~veto).sum()),
        "any": int(((yes | too) & ~veto).sum()),
        "all": int((yes & too & ~veto).sum()),
    }
    assert result["kept"] == result["party_rules_kept"]["all"]  # unknown region: strictest
    assert result["reasons"]["refused"] == int((author == "refuse").sum())
    assert result["reasons"]["withdrawn"] == int((author == "withdraw").sum())
    own = np.isin(author, ["refuse", "withdraw"])
    assert result["reasons"]["party-vetoed"] == int((veto & ~own).sum())
    assert result["kept"] + sum(result["reasons"].values()) == result["rows"] == 20_932


@pytest.mark.real_data
def test_real_shares_at_half(p4g: Path, p4g_contract: Path, tmp_path: Path) -> None:
    """Where each person agrees by the toss of a coin, .50 / .75 / .25 of messages are usable."""
    table = pq.read_table(p4g, columns=["sender_id", "recipient_id"])
    members = sorted({*table["sender_id"].to_pylist(), *table["recipient_id"].to_pylist()})
    assert len(members) == 1_285
    shares = []
    for seed in range(24):
        rng = Random(seed)
        consent = write_consent(
            tmp_path / f"{seed}.csv", [[m, USE, "grant"] for m in members if rng.random() < 0.5]
        )
        result = preview(p4g, contract=p4g_contract, consent=consent, use=USE).to_dict()
        shares.append([result["party_rules"][r] for r in ("author", "any", "all")])
    # measured over 200 draws: .503 / .752 / .253; the mean of 24 has a standard error near .006
    assert np.mean(shares, axis=0) == pytest.approx([0.503, 0.752, 0.253], abs=0.025)


@pytest.mark.real_data
def test_negative_control(data_dir: Path, root: Path, tmp_path: Path) -> None:
    """Of public chat nobody agreed to, an empty ledger releases no row, and says why of each."""
    result = preview(
        data_dir / "irc-disentanglement" / "messages.parquet",
        contract=root / "examples" / "contracts" / "irc-disentanglement.yaml",
        consent=write_consent(tmp_path / "empty.csv", []),
        use="train.generative.replies/messages/platform",
    ).to_dict()
    assert result["kept"] == 0
    assert result["party_rules_kept"] == {"author": 0, "any": 0, "all": 0}
    assert sum(result["reasons"].values()) == result["rows"] == 268_964
    assert set(result["reasons"]) == {"no-grant", "party-missing"}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("contract", "data", "use"),
    [
        ("stackoverflow-2018-skills", "stackoverflow-2018/member_skills", "profile"),
        ("stackoverflow-2018-roles", "stackoverflow-2018/member_roles", "profile.employment"),
        ("freecodecamp-2016-items", "freecodecamp-2016/member_items", "activity.feed"),
        ("freecodecamp-2016-members", "freecodecamp-2016/members", "profile"),
    ],
)
def test_shipped_contracts_fit(
    data_dir: Path, root: Path, tmp_path: Path, contract: str, data: str, use: str
) -> None:
    """Each contract in examples/ fits its data, whose every row names one member."""
    file = data_dir / f"{data}.parquet"
    member = pq.read_table(file, columns=["member_id"])["member_id"][0].as_py()
    scope = f"train.ranking.jobs/{use}/platform"
    result = preview(
        file,
        contract=root / "examples" / "contracts" / f"{contract}.yaml",
        consent=write_consent(tmp_path / "one.csv", [[str(member), scope, "grant"]]),
        use=scope,
    ).to_dict()
    column = np.array(pq.read_table(file, columns=["member_id"])["member_id"].to_pylist())
    assert result["kept"] == int((column == member).sum()) > 0
    assert set(result["reasons"]) == {"no-grant"}


def test_regions_choose_the_rule(small: Path) -> None:
    """A region in the consent table chooses the party rule of its member's messages."""
    rows = [["x", USE, "grant", "us"], ["z", "train/content/platform", "grant", "US"]]
    write_consent(small / "consent.csv", rows, "member,use,decision,country")
    result = run_small(small, region_column="country")
    assert result["kept"] == 2  # x with z: any; x with y: the strictest
    assert result["regions"] == {"unknown": 1, "us": 2}
    assert result["grounds"] == {"consent": 1, "consent-of-another-party": 1}


def test_regions_may_stand_in_the_data(small: Path) -> None:
    """A region column of the data is the author's; two regions of one author are none."""
    table = pa.table({"a": ["x", "x", "y"], "b": ["y"] * 2 + ["x"], "where": ["us", "de", "us"]})
    pq.write_table(table, small / "m.parquet")
    assert run_small(small, region_column="where")["regions"] == {"unknown": 1, "us": 1}
    assert refused(small, region_column="nowhere").code == "gate.region-column"


def test_dates_and_ends_count(small: Path) -> None:
    """`effective`, `expires` and `includes_past` mean what they mean in the ledger."""
    contract = CONTRACT.replace("recipients: b", "recipients: b") + "collected_at: day\n"
    (small / "c.yaml").write_text(contract)
    table = pa.table({"a": ["x"] * 3, "b": ["y"] * 3, "day": ["2024-01-01", "2024-03-01", None]})
    pq.write_table(table, small / "m.parquet")
    header = "member,use,decision,effective,expires,includes_past"
    y = ["y", USE, "grant", "2024-01-01", "", "true"]

    def reasons(*x: str) -> dict[str, int]:
        write_consent(small / "consent.csv", [["x", USE, "grant", *x], y], header)
        result: dict[str, int] = run_small(small, at="2025-01-01T00:00:00Z")["reasons"]
        return result

    assert reasons("2024-02-01", "", "true") == {}
    assert reasons("2024-02-01", "", "") == {"promise-of-collection": 1, "collected-at-unknown": 1}
    assert reasons("2024-02-01", "2024-12-31", "true") == {"expired": 3}
    assert reasons("2025-02-01", "", "true") == {"no-grant": 3}


def test_dated_grants_look_forward(small: Path) -> None:
    """With `effective` and without `includes_past`, a grant covers what was collected since."""
    (small / "c.yaml").write_text(CONTRACT + "collected_at: day\n")
    table = pa.table({"a": ["x"] * 2, "b": ["x"] * 2, "day": ["2024-01-31", "2024-02-01"]})
    pq.write_table(table, small / "m.parquet")
    header = "member,use,decision,effective"
    write_consent(small / "consent.csv", [["x", USE, "grant", "2024-02-01"]], header)
    assert run_small(small)["reasons"] == {"promise-of-collection": 1}


def test_command_prints_one_object(small: Path) -> None:
    """`--json` prints one object with its schema on stdout, and nothing else."""
    arguments = [str(small / "m.parquet"), "--contract", str(small / "c.yaml"), "--json"]
    arguments += ["--consent", str(small / "consent.csv"), "--use", USE, "--reason", "no-grant"]
    result = CliRunner().invoke(command, arguments)
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert found["schema"] == "byleave/preview/v1"
    assert found["party_rules_kept"] == {"author": 3, "any": 4, "all": 2}
    assert found["kept"] + found["dropped"] == found["rows"] == 5
    assert [s["row"] for s in found["samples"]] == [1, 3]
    assert [s["party"] for s in found["samples"]] == ["recipient 1", "author"]


def test_command_fits_the_page(small: Path) -> None:
    """The text fits 80 columns, has no colour, and its drops sum."""
    arguments = [str(small / "m.parquet"), "--contract", str(small / "c.yaml")]
    arguments += ["--consent", str(small / "consent.csv"), "--use", USE]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b" not in result.stdout
    assert "sum 3 = dropped" in result.stdout


def test_preview_writes_nothing(small: Path) -> None:
    """A preview leaves the folder as it was."""
    before = {p.name: p.read_bytes() for p in small.iterdir()}
    run_small(small)
    assert {p.name: p.read_bytes() for p in small.iterdir()} == before


def test_same_input_same_answer(small: Path) -> None:
    """Two previews at one instant are equal, digest of the plan included."""
    at = "2026-01-01T00:00:00Z"
    assert run_small(small, at=at) == run_small(small, at=at)


def test_files_that_are_not_there(small: Path) -> None:
    """A file that does not exist, and a folder, are named as such."""
    for changes in ({"data": small / "no"}, {"consent": small / "no"}, {"contract": small}):
        error = refused(small, **changes)
        assert (error.code, error.exit_code) == ("input.not-found", 2)


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_truncated_parquet(small: Path, cut: int) -> None:
    """A Parquet file cut short is refused whole."""
    data = (small / "m.parquet").read_bytes()
    (small / "cut.parquet").write_bytes(data[:cut])
    error = refused(small, data=small / "cut.parquet")
    assert (error.code, error.exit_code) == ("data.unreadable", 2)


def test_damaged_pages(small: Path) -> None:
    """A Parquet file whose pages are damaged is refused, footer or not."""
    pq.write_table(pa.table({"a": [str(i) for i in range(9999)]}), small / "m.parquet")
    data = bytearray((small / "m.parquet").read_bytes())
    data[8:4000] = bytes(3992)
    (small / "m.parquet").write_bytes(data)
    (small / "c.yaml").write_text(
        "contract: v1\nparties: {author: a}\ncategory_constant: profile.skills\n"
    )
    assert refused(small, use="train.safety/profile/platform").code == "data.unreadable"


def test_absent_column_is_named(small: Path) -> None:
    """A contract naming an absent column says the line, the columns found and the nearest."""
    text = "contract: v1\nparties:\n  author: sender\n  recipients: b\n"
    (small / "c.yaml").write_text(text + "category_constant: messages.direct\n")
    pq.write_table(pa.table({"sender_id": ["x"], "b": ["y"]}), small / "m.parquet")
    error = refused(small)
    assert (error.code, error.exit_code) == ("contract.column-missing", 2)
    assert error.message == 'm.parquet has no column "sender"'
    assert error.where == "c.yaml:3  author: sender"
    assert error.hint is not None
    assert "columns found: b, sender_id" in error.hint
    assert "'sender_id'" in error.hint


def test_unknown_purpose_is_named(small: Path) -> None:
    """An unknown purpose is refused with the nearest known one."""
    error = refused(small, use="train.generative.reply/messages.direct/platform")
    assert (error.code, error.exit_code) == ("use.unknown-term", 2)
    assert error.hint == "did you mean 'train.generative.replies'?"


@pytest.mark.parametrize(
    ("row", "code", "line"),
    [
        (["y", USE, "yes"], "consent.unknown-decision", "consent.csv:3"),
        (["y", USE, "Grant"], "consent.unknown-decision", "consent.csv:3"),
        (["y", "train/messages", "grant"], "use.malformed", "consent.csv:3"),
        (["y", "train/mesages/platform", "grant"], "use.unknown-term", "consent.csv:3"),
        (["", USE, "grant"], "consent.table", "consent.csv:3"),
        (["y", USE, ""], "consent.table", "consent.csv:3"),
    ],
)
def test_bad_rows_of_consent(small: Path, row: list[str], code: str, line: str) -> None:
    """A row of the consent table that cannot be read is named by its line."""
    write_consent(small / "consent.csv", [["x", USE, "grant"], row])
    error = refused(small)
    assert (error.code, error.where, error.exit_code) == (code, line, 2)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("member,use", [["x", USE]]),
        ("member,use,decision,expired", [["x", USE, "grant", "2024-01-01"]]),
        ("member,use,decision,decision", [["x", USE, "grant", "refuse"]]),
        ("member,use,decision,expires", [["x", USE, "refuse", "2030-01-01"]]),
        ("member,use,decision,includes_past", [["x", USE, "grant", "yes"]]),
    ],
)
def test_bad_shape_of_consent(small: Path, header: str, rows: list[list[str]]) -> None:
    """A consent table with a column too few, too many or misspelt is refused."""
    write_consent(small / "consent.csv", rows, header)
    assert refused(small).code == "consent.table"


def test_wrong_type_of_ids(small: Path) -> None:
    """Ids in floats or instants are refused: rounding one could name another member."""
    pq.write_table(pa.table({"a": [1.5], "b": ["x"]}), small / "m.parquet")
    error = refused(small)
    assert (error.code, error.where) == ("contract.column-type", "c.yaml:2  author: a")


def test_integer_ids_are_their_decimals(small: Path) -> None:
    """Whole-number ids in the data meet the same numbers written in the consent table."""
    pq.write_table(pa.table({"a": [7, 8], "b": [8, 9]}), small / "m.parquet")
    write_consent(small / "consent.csv", [["7", USE, "grant"], ["8", USE, "grant"]])
    assert run_small(small)["kept"] == 1


def test_byte_order_mark_and_csv_data(small: Path) -> None:
    """A CSV that begins with a byte order mark reads; ids keep their leading zeros."""
    consent = f"member,use,decision\n007,{USE},grant\n8,{USE},grant\n".encode("utf-8-sig")
    (small / "consent.csv").write_bytes(consent)
    (small / "m.csv").write_bytes("a,b\n007,8\n7,8\n".encode("utf-8-sig"))
    result = run_small(small, data=small / "m.csv")
    assert (result["rows"], result["kept"]) == (2, 1)


def test_instants_that_are_none(small: Path) -> None:
    """A text that is no instant is refused, not read as unknown."""
    (small / "c.yaml").write_text(CONTRACT + "collected_at: day\n")
    pq.write_table(pa.table({"a": ["x"], "b": ["y"], "day": ["last May"]}), small / "m.parquet")
    assert refused(small).code == "contract.column-value"


def test_other_category_is_said(small: Path) -> None:
    """A use that names another category than the contract keeps nothing and says so."""
    result = run_small(small, use="train.ranking.jobs/profile/platform")
    assert result["reasons"] == {"other-category": 5}
    assert "other-category" in [n["note"] for n in result["notes"]]


def test_own_terms(small: Path) -> None:
    """A recipient of the operator's own file can be asked for; without it, it is unknown."""
    (small / "own.yaml").write_text(
        'taxonomy: v1\nversion: "acme-1"\nrecipients:\n  provider.acme:\n'
        '    {sentence: Acme., phrase: Acme, since: "1"}\n'
    )
    use = "train.generative.replies/messages.direct/provider.acme"
    write_consent(small / "consent.csv", [["x", use, "grant"], ["y", use, "grant"]])
    assert refused(small, use=use).code == "use.unknown-term"
    assert run_small(small, use=use, taxonomy=small / "own.yaml")["kept"] == 2
