"""The packs: what is believed, what is held out, and what is said of a folder that has none."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.training.latent_morph.tones import write_packs
from training.latent_morph.sources import (
    NAMES,
    TEST_PITCH,
    TEST_TAKE,
    TRAIN,
    UNKNOWN,
    VALID_PITCH,
    VELOCITIES,
    Take,
    read_takes,
    split,
    thinned,
)


def takes_of(pitches: range, each: int) -> list[Take]:
    return [
        Take(0, pitch, n % 5, Path("bank.ogg"), 0, 100 + n, f"{pitch} {n}")
        for pitch in pitches
        for n in range(each)
    ]


def test_every_believable_take_is_read_with_its_labels(tmp_path: Path) -> None:
    write_packs(tmp_path)
    takes = read_takes(tmp_path, 100)
    counts = Counter(NAMES[take.instrument] for take in takes)
    assert counts == {"cello": 24, "piano": 8, "trumpet": 2, "organ": 1}
    cello = [take for take in takes if NAMES[take.instrument] == "cello"]
    assert {take.velocity for take in cello} == {VELOCITIES[1], VELOCITIES[3]}
    assert {take.dynamics for take in takes if NAMES[take.instrument] == "trumpet"} == {UNKNOWN}


def test_what_is_left_over_is_learnt_from_and_holds_nothing_out(tmp_path: Path) -> None:
    write_packs(tmp_path)
    few, every = (read_takes(tmp_path, 12, rest=rest) for rest in (False, True))
    assert set(few) < set(every)
    more = [take for take in every if take not in few]
    held_out = {
        (take.instrument, take.pitch) for take in few if take.split in (TEST_PITCH, VALID_PITCH)
    }
    assert held_out
    assert {take.split for take in more} == {TRAIN}
    assert not held_out & {(take.instrument, take.pitch) for take in more}
    assert len({(take.instrument, take.name) for take in every}) == len(every)


def test_a_take_is_its_own_part_of_the_bank(tmp_path: Path) -> None:
    write_packs(tmp_path)
    take = next(take for take in read_takes(tmp_path, 100) if take.pitch == 57)
    spectrum = np.abs(np.fft.rfft(take.audio() * np.hanning(take.length)))
    assert abs(spectrum.argmax() * 24000 / take.length - 220) < 3


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds neither singlenote_philharmonia nor"):
        read_takes(tmp_path, 10, tmp_path / "build")


def test_held_out_keys_are_never_learnt_from() -> None:
    takes = split(takes_of(range(40, 70), 8), seed=1)
    keys = {kind: {t.pitch for t in takes if t.split == kind} for kind in range(5)}
    assert len(keys[TEST_PITCH]) == 3
    assert len(keys[VALID_PITCH]) == 2
    assert not keys[TRAIN] & (keys[TEST_PITCH] | keys[VALID_PITCH])
    assert 5 <= sum(take.split == TEST_TAKE for take in takes) <= 30
    assert takes == split(takes_of(range(40, 70), 8), seed=1)


def test_where_each_key_has_one_take_only_keys_are_held_out() -> None:
    kinds = Counter(take.split for take in split(takes_of(range(40, 60), 1), seed=1))
    assert kinds == {TRAIN: 17, TEST_PITCH: 2, VALID_PITCH: 1}


def test_thinning_keeps_every_key_and_takes_dynamics_in_turn() -> None:
    chosen = thinned(takes_of(range(40, 50), 20), 30)
    assert Counter(take.pitch for take in chosen) == dict.fromkeys(range(40, 50), 3)
    assert all(count == 1 for count in Counter((t.pitch, t.dynamics) for t in chosen).values())
