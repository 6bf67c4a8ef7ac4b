"""The measurement: what counts as right, windows, rules; and the shipped weights on a hymn."""

import json

import numpy as np
import pytest

from engine.rt.network import random_weights
from models import registry
from training.part_separation import evaluate
from training.part_separation.live import CLEAN, LIVE, Conditions, Performance, perform
from training.part_separation.prepare import Chorale

# "Old Hundredth" set plainly: soprano, alto, tenor, bass, a crotchet a chord
HYMN = [
    (67, 62, 59, 55), (67, 62, 59, 55), (66, 62, 57, 50), (64, 59, 55, 52), (62, 59, 55, 47),
    (67, 62, 59, 55), (69, 62, 57, 54), (71, 62, 59, 55), (71, 62, 59, 55), (71, 62, 59, 55),
    (71, 67, 62, 55), (69, 66, 62, 50), (67, 64, 60, 52), (72, 64, 60, 57), (71, 62, 59, 55),
    (69, 62, 57, 54), (67, 62, 59, 55), (69, 62, 57, 54), (71, 62, 59, 55), (69, 60, 57, 54),
    (67, 59, 55, 52), (64, 60, 55, 48), (66, 60, 57, 50), (67, 59, 55, 43), (74, 65, 59, 55),
]  # fmt: skip
SCORE = np.array(
    [
        (i * 480, 480, pitch, part)
        for i, chord in enumerate(HYMN)
        for part, pitch in enumerate(chord)
    ],
    np.int32,
)
SCORE = SCORE[np.lexsort((SCORE[:, 3], SCORE[:, 2], SCORE[:, 0]))]
WHOLE = [Chorale("hymn", SCORE)]


def test_the_shipped_weights_know_a_hymn():
    network = evaluate.Network(registry.load("chorales"))
    played = evaluate.play(WHOLE, LIVE, 1, 10)
    at_once = evaluate.accuracy(network, played, 0)
    joint = evaluate.accuracy(network, played, 45)
    assert at_once > 85
    assert joint > 97
    assert evaluate.accuracy(network, evaluate.play(WHOLE, CLEAN, 1, 1), 45) > 96


def test_an_untrained_network_does_not():
    network = evaluate.Network(random_weights(4, 0))
    assert evaluate.accuracy(network, evaluate.play(WHOLE, LIVE, 1, 2), 45) < 60


def test_a_piece_is_heard_from_silence_whatever_came_before():
    network = evaluate.Network(registry.load("chorales"))
    performance = perform(SCORE, LIVE, np.random.default_rng(3))
    first = network.listen(performance, 45)
    assert all(map(np.array_equal, network.listen(performance, 45), first))


def test_a_window_gives_a_chord_distinct_voices():
    performance = perform(SCORE, LIVE, np.random.default_rng(4))
    network = evaluate.Network(random_weights(4, 0))
    at_once, _ = network.listen(performance, 0)
    jointly, _ = network.listen(performance, 45)
    chords = np.split(np.arange(len(SCORE)), np.arange(4, len(SCORE), 4))
    assert all(len(set(jointly[chord])) == 4 for chord in chords)
    assert not all(len(set(at_once[chord])) == 4 for chord in chords)


def test_either_voice_of_a_shared_key_is_right():
    voices = np.array([[True, True, False, False], [False, False, True, False]])
    assert evaluate._percent([(voices, np.array([1, 3]))]) == 50
    assert evaluate._percent([(voices, np.array([0, 2]))]) == 100


def test_zones_on_every_key():
    performance = perform(SCORE, CLEAN, np.random.default_rng(0))
    zones = np.array([57, 63, 69], np.int8)
    labels = evaluate.by_zones(performance.events, len(performance.voices), zones)
    assert labels.tolist() == [3 - sum(p >= z for z in (57, 63, 69)) for p in performance.pitches]


def events(*keys):
    """Return events of keys struck (or, negative, released: -1 - key) 100 ms apart."""
    return np.array([(i * 4800, key) for i, key in enumerate(keys)], np.int64)


def test_closest_pitch_follows_and_a_busy_voice_yields():
    middle = np.array([71, 65, 59, 51], np.int64)
    assert evaluate.by_closest(events(72, 69, 68), 3, middle, False).tolist() == [0, 0, 0]
    assert evaluate.by_closest(events(72, 69, 68), 3, middle, True).tolist() == [0, 1, 2]
    keys = (72, -73, 69, -70, 68)
    assert evaluate.by_closest(events(*keys), 3, middle, True).tolist() == [0, 0, 0]


def test_closest_pitches_of_a_chord_together():
    middle = np.array([71, 65, 59, 51], np.int64)
    chord = np.array([(0, 55), (0, 60), (0, 64), (0, 67)], np.int64)
    later = chord + np.array([[48000, 12]])
    both = np.concatenate([chord, later])
    labels = evaluate.by_closest_jointly(both, 8, middle)
    assert labels.tolist() == [3, 2, 1, 0, 3, 2, 1, 0]


def test_voices_part_in_order_after_a_unison():
    middle = np.array([71, 65, 59, 51], np.int64)
    unison = np.array([(0, 62), (0, 62)], np.int64)
    apart = np.array([(48000, 60), (48000, 64)], np.int64)
    labels = evaluate.by_closest_jointly(np.concatenate([unison, apart]), 4, middle)
    assert labels[2:].tolist() == [2, 1]


def test_every_take_is_another_and_each_is_repeatable():
    takes = evaluate.play(WHOLE, LIVE, 1, 3)
    again = evaluate.play(WHOLE, LIVE, 1, 3)
    assert len(takes) == 3
    assert not np.array_equal(takes[0].events, takes[1].events)
    assert all(np.array_equal(a.events, b.events) for a, b in zip(takes, again, strict=True))


def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys):
    np.savez(
        tmp_path / "data.npz",
        notes=SCORE,
        ends=[len(SCORE)],
        names=["hymn"],
        split=np.array([2], np.int8),
    )
    data, out = str(tmp_path / "data.npz"), str(tmp_path / "x.json")
    monkeypatch.setattr("sys.argv", ["evaluate", "--data", data, "--json", out])
    evaluate.main()
    figures = json.loads((tmp_path / "x.json").read_text())
    live = next(r for r in figures["rows"] if r["conditions"] == "live" and r["by"] == "network")
    assert set(live) == {"conditions", "by", *(f"{ms} ms" for ms in evaluate.WINDOWS_MS)}
    assert figures["reach"]["live, 45 ms"]["value"] == live["45 ms"]
    assert f"{live['45 ms']:.2f}" in capsys.readouterr().out


def test_performances_know_their_pitches():
    performance = Performance(events(60, -61, 64), np.ones((2, 4), bool))
    assert performance.pitches.tolist() == [60, 64]
    assert evaluate.onsets(performance).tolist() == [0, 9600]


@pytest.mark.parametrize("name", evaluate.CONDITIONS)
def test_conditions_are_playable(name):
    conditions = evaluate.CONDITIONS[name]
    assert isinstance(conditions, Conditions)
    assert len(perform(SCORE, conditions, np.random.default_rng(0)).voices) == len(SCORE)
