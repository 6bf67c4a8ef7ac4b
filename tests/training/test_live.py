"""Performances: what each condition does to a score, and that nothing else is done to it."""

import numpy as np
import pytest

from engine.rt import features as f
from engine.rt.history import believe
from training.part_separation.live import (
    CLEAN,
    LIVE,
    RATE_HZ,
    Conditions,
    decisions,
    features,
    perform,
)

SCORE = np.array(
    [
        [beat * 480, 480, pitch, part]
        for beat in range(16)
        for part, pitch in enumerate((72, 67, 60, 48))
    ]
    + [[16 * 480, 960, 64, 0], [16 * 480, 480, 64, 1], [16 * 480, 960, 55, 2]],
    np.int32,
)


def play(conditions, seed=1, score=SCORE):
    return perform(score, conditions, np.random.default_rng(seed))


def struck(performance):
    return performance.events[performance.events[:, 1] >= 0]


def test_clean_is_the_score_at_120():
    events = struck(play(CLEAN))
    beats = (events[:, 0] - events[0, 0]) / (RATE_HZ / 2)
    np.testing.assert_allclose(beats, SCORE[:, 0] / 480, atol=1e-3)
    assert events[:, 1].tolist() == SCORE[:, 2].tolist()


def test_the_same_seed_plays_the_same():
    assert (play(LIVE).events == play(LIVE).events).all()
    assert not np.array_equal(play(LIVE, 2).events, play(LIVE, 3).events)


@pytest.mark.parametrize("conditions", [CLEAN, LIVE, Conditions(articulation=(1.3, 1.3))])
def test_every_key_struck_is_released_later(conditions):
    down = np.zeros(128, int)
    for _, key in play(conditions).events:
        if key >= 0:
            down[key] += 1
        else:
            down[-1 - key] -= 1
            assert down[-1 - key] >= 0
    assert not down.any()


def test_a_key_is_up_before_it_is_struck_again():
    down = np.zeros(128, int)
    for _, key in play(Conditions(articulation=(1.3, 1.3), merge_unisons=True)).events:
        down[key if key >= 0 else -1 - key] += 1 if key >= 0 else -1
        assert down.max() <= 1


def test_unisons_become_one_key_of_two_voices():
    performance = play(Conditions(merge_unisons=True))
    assert len(performance.voices) == len(SCORE) - 1
    both = performance.voices[performance.voices.sum(1) == 2]
    assert both.tolist() == [[True, True, False, False]]
    frames, keys = performance.events.T
    assert frames[keys == -1 - 64][-1] - frames[keys == 64][-1] == RATE_HZ  # the longer's release


def test_jitter_stays_within_its_bounds_and_changes_the_order():
    moved = []
    orders = set()
    for seed in range(20):
        performance = play(Conditions(jitter_ms=20), seed)
        events = struck(performance)[:4]
        orders.add(tuple(events[:, 1]))
        moved += list((events[:, 0] - RATE_HZ // 2) / RATE_HZ * 1000)
    assert max(map(abs, moved)) <= 20.1
    assert max(moved) > 10
    assert min(moved) < -10
    assert len(orders) > 5


def test_tempo_lies_within_its_octaves():
    beats_ms = []
    for seed in range(200):
        events = struck(play(Conditions(tempo_octaves=1), seed))
        beats_ms.append((events[-1, 0] - events[0, 0]) / RATE_HZ * 1000 / 16)
    assert 250 <= min(beats_ms) < 300
    assert 850 < max(beats_ms) <= 1000


def test_rubato_wanders_but_no_further():
    gaps_ms = np.diff(np.unique(struck(play(Conditions(rubato=0.08)))[:, 0])) / RATE_HZ * 1000
    assert gaps_ms.std() > 1
    assert 500 / 1.081 <= gaps_ms.min() <= gaps_ms.max() <= 500 / 0.919


def test_broken_chords_roll():
    onsets = struck(play(Conditions(spread_ms=60)))[:, 0]
    widths_ms = [np.ptp(onsets[i : i + 4]) / RATE_HZ * 1000 for i in range(0, 64, 4)]
    assert max(widths_ms) <= 60.1
    assert max(widths_ms) > 30


def test_voices_stay_with_their_keys():
    performance = play(Conditions(jitter_ms=20, tempo_octaves=1, rubato=0.1))
    part_of = {72: 0, 67: 1, 60: 2, 48: 3}
    for (_, key), voices in zip(struck(performance)[:64], performance.voices, strict=False):
        assert voices.argmax() == part_of[int(key)]


def test_features_are_the_engines():
    performance = play(LIVE)
    beliefs = np.random.default_rng(2).normal(size=(len(performance.voices), 4))
    beliefs = beliefs.astype(np.float32)
    tokens, chords, onsets = features(performance, beliefs)
    memory = f.new_memory(RATE_HZ, 4)
    row = np.zeros(f.MAX_TOKENS, np.int64)
    i = 0
    for frame, key in performance.events:
        if key < 0:
            f.remember_note_off(memory, -1 - key)
            continue
        f.revise_chord(memory, frame)
        count = f.write_features(memory, key, frame, row)
        f.remember_note_on(memory, key, frame)
        believe(memory, beliefs[i])
        assert tokens[i, :count].tolist() == row[:count].tolist()
        assert (tokens[i, count:] == -1).all()
        assert (chords[i], onsets[i]) == (memory["chord"][0], frame)
        i += 1
    assert i == len(tokens)


def test_what_is_believed_of_a_note_is_told_the_next():
    performance = play(CLEAN)
    right = np.where(performance.voices, 0, -9).astype(np.float32)
    believed, muddled = features(performance, right)[0], features(performance, right[:, ::-1])[0]
    assert np.array_equal(believed[0], muddled[0])
    assert all(not np.array_equal(a, b) for a, b in zip(believed[1:], muddled[1:], strict=True))


def test_any_number_of_voices():
    score = SCORE.copy()
    score[SCORE[:, 3] == 3, 3] = 4
    performance = perform(score, Conditions(merge_unisons=True), np.random.default_rng(0), 5)
    assert performance.voices.shape[1] == 5
    assert performance.voices.any(0).tolist() == [True, True, True, False, True]
    assert features(performance, performance.voices.astype(np.float32))[0].max() < f.tokens(5)


def test_a_decision_ends_with_its_window_or_when_all_parts_are_there():
    onsets = np.array([0, 10, 20, 30, 31, 100, 145, 146, 500])
    assert decisions(onsets, 45, 4).tolist() == [0, 0, 0, 0, 1, 2, 2, 3, 4]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"jitter_ms": 200}, "jitter_ms must be 0 to 100, got 200"),
        ({"rubato": -0.1}, "rubato must be 0 to 0.5, got -0.1"),
        ({"articulation": (1.0, 0.5)}, "articulation must rise"),
    ],
)
def test_conditions_name_what_is_wrong(changed, message):
    with pytest.raises(ValueError, match=message):
        Conditions(**changed)


def test_arpeggios_play_every_key_by_itself_before_the_next_chord():
    performance = play(Conditions(arpeggio=0.5))
    events = struck(performance)[:64].reshape(16, 4, 2)
    frames, keys = events[..., 0], events[..., 1]
    assert (np.diff(frames, axis=1) > 0).all()
    assert (frames[:, 3] - frames[:, 0] <= RATE_HZ / 4 + 1).all()
    upwards = (np.diff(keys, axis=1) > 0).all(1)
    assert 0 < np.sum(upwards) < 16
    assert (np.diff(keys[~upwards], axis=1) < 0).all()


def test_a_wrong_key_is_near_and_still_its_voices():
    performance = play(Conditions(wrong=0.5))
    events = struck(performance)
    order = np.lexsort((performance.voices.argmax(1), events[:, 0]))
    written = SCORE[np.lexsort((SCORE[:, 3], SCORE[:, 0]))]
    assert (performance.voices[order].argmax(1) == written[:, 3]).all()
    away = np.abs(events[order, 1] - written[:, 2])
    assert away.max() == 2
    assert 0.3 < np.mean(away > 0) < 0.7


def test_a_split_note_is_struck_twice_by_one_voice():
    performance = play(Conditions(split=1.0, merge_unisons=True))
    events = struck(performance)
    assert len(events) == 2 * (len(SCORE) - 1)
    first, again = events[:4], events[4:8]
    assert (again[:, 0] - first[:, 0] == RATE_HZ // 8).all()
    assert (again[:, 1] == first[:, 1]).all()
    assert (performance.voices[:4] == performance.voices[4:8]).all()
    up = performance.events[performance.events[:, 1] < 0]
    assert len(up) == len(events)
