"""Splits: nothing lost, nothing twice, groups whole, the order of the items without influence."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.splitting import Ratios, bind, canonical, split_as_given, split_by_ratios

keys = st.sets(st.text("abcdef0123", min_size=1, max_size=6), min_size=3, max_size=60)
ratios = st.builds(Ratios, st.floats(0.3, 1), st.floats(0.05, 0.4), st.floats(0, 0.4).map(lambda x: round(x, 1)))
seeds = st.integers(0, 2**32)


def alone(ids: set[str]) -> dict[str, str]:
    return {i: i for i in ids}


@given(keys, ratios, seeds)
def test_sizes_are_the_shares_within_one_and_every_split_has_an_image(ids: set[str], wanted: Ratios, seed: int) -> None:
    splits = split_by_ratios(alone(ids), wanted, seed=seed)
    assert set(splits) == ids
    sizes = Counter(splits.values())
    assert set(sizes) == set(wanted.shares())
    shares = wanted.shares()
    if all(share * len(ids) >= 1 for share in shares.values()):
        assert all(abs(sizes[name] - share * len(ids)) < 1 + 1e-9 for name, share in shares.items())


@given(keys, st.data(), seeds)
def test_order_of_items_does_not_matter(ids: set[str], data: st.DataObject, seed: int) -> None:
    shuffled = data.draw(st.permutations(sorted(ids)))
    assert split_by_ratios({i: i for i in shuffled}, Ratios(), seed=seed) == split_by_ratios(
        alone(ids), Ratios(), seed=seed
    )


@given(keys, st.data(), seeds, st.integers(0, 5))
def test_groups_stay_whole(ids: set[str], data: st.DataObject, seed: int, holdout: int) -> None:
    marks = {i: data.draw(st.sampled_from("pqrstuvw")) for i in sorted(ids)}
    groups = bind(ids, marks)
    try:
        splits = split_by_ratios(groups, Ratios(), seed=seed, holdout=holdout)
    except DataError:
        assert len(set(marks.values())) <= 3 + holdout
        return
    assert set(splits) == ids
    seen = defaultdict(set)
    for i, name in splits.items():
        seen[marks[i]].add(name)
    assert all(len(names) == 1 for names in seen.values())
    assert {"train", "val", "test"} <= set(splits.values())
    assert Counter(splits.values())["holding"] <= holdout


@given(keys, seeds, st.integers(0, 10))
def test_holdout_is_exact_without_groups(ids: set[str], seed: int, holdout: int) -> None:
    if len(ids) < holdout + 3:
        with pytest.raises(DataError, match="splits"):
            split_by_ratios(alone(ids), Ratios(), seed=seed, holdout=holdout)
    else:
        splits = split_by_ratios(alone(ids), Ratios(), seed=seed, holdout=holdout)
        assert Counter(splits.values())["holding"] == holdout


@given(keys, st.data())
def test_bind_is_the_transitive_closure(ids: set[str], data: st.DataObject) -> None:
    first = {i: data.draw(st.sampled_from("ab cdefgh")) for i in sorted(ids)}
    second = {i: data.draw(st.sampled_from("0123456789")) for i in sorted(ids)[::2]}
    groups = bind(ids, first, second)
    # oracle: flood fill over "shares a mark"
    for start in ids:
        reached, frontier = {start}, [start]
        while frontier:
            here = frontier.pop()
            near = {i for i in ids if first[i] == first[here] or (here in second and second.get(i) == second[here])}
            frontier += near - reached
            reached |= near
        assert {i for i in ids if groups[i] == groups[start]} == reached
        assert groups[start] == min(reached)


def test_another_seed_is_another_split() -> None:
    ids = alone({f"{i:03d}" for i in range(100)})
    splits = [split_by_ratios(ids, Ratios(), seed=seed) for seed in (41, 42)]
    assert splits[0] != splits[1]
    assert Counter(splits[0].values()) == {"train": 80, "val": 10, "test": 10}


def test_a_large_group_goes_to_train_and_small_ones_to_the_small_splits() -> None:
    groups = {f"a{i}": "a" for i in range(20)} | {"b": "b", "c": "c"}
    splits = split_by_ratios(groups, Ratios(), seed=0)
    assert {splits[f"a{i}"] for i in range(20)} == {"train"}
    assert {splits["b"], splits["c"]} == {"val", "test"}


def test_fewer_images_than_splits_is_refused() -> None:
    with pytest.raises(DataError, match=r"There are 2 images for 3 splits \(train, val, test\)\.(.|\n)*0\.8,0\.2"):
        split_by_ratios(alone({"a", "b"}), Ratios(), seed=41)


@pytest.mark.parametrize("text", ["", "0.8", "a,b,c", "1,2,3,4", "0,0.5,0.5", "-1,1,1", "nan,1,1", "inf,1,1"])
def test_ratios_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(InvalidSpecError, match=r"0\.8,0\.1,0\.1"):
        Ratios.parse(text)


def test_ratios_need_not_sum_to_one() -> None:
    assert Ratios.parse("8, 1,1").shares() == pytest.approx({"train": 0.8, "val": 0.1, "test": 0.1})
    assert set(Ratios.parse("0.8,0.2").shares()) == {"train", "val"}


def test_given_splits_are_kept() -> None:
    given_splits = {"a": "training", "b": "valid", "c": "Test"}
    assert split_as_given(given_splits, alone(set("abc")), seed=1) == ({"a": "train", "b": "val", "c": "test"}, [])


def test_missing_val_and_holding_come_out_of_train_only() -> None:
    given_splits = {f"{i:02d}": "train" for i in range(40)} | {"t": "test"}
    splits, notes = split_as_given(given_splits, alone(set(given_splits)), seed=1, holdout=3)
    assert Counter(splits.values()) == {"train": 33, "val": 4, "holding": 3, "test": 1}
    assert splits["t"] == "test"
    assert notes == ["4 images of 'train' became 'val' (seed 1)", "3 images of 'train' became 'holding' (seed 1)"]


def test_given_splits_need_train_and_known_names() -> None:
    with pytest.raises(DataError, match="no 'train'"):
        split_as_given({"a": "val"}, {"a": "a"}, seed=1)
    with pytest.raises(DataError, match="'fold1' is not a split"):
        canonical("fold1")


def test_the_committed_nuclei_split_is_still_what_seed_41_gives() -> None:
    """A change of the splitter would silently move images between train and test of everybody's data sets."""
    text = (Path(__file__).parents[2] / "examples" / "nuclei_split.csv").read_text()
    committed = dict(line.split(",") for line in text.splitlines()[1:])
    assert Counter(committed.values()) == {"train": 347, "val": 43, "test": 43}
    assert split_by_ratios(alone(set(committed)), Ratios(), seed=41) == committed
