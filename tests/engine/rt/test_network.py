"""The compiled step against an LSTM written out in numpy, and its promises to the audio thread."""

import os
import subprocess
import sys

import numpy as np
import pytest

from engine.rt import features as f
from engine.rt import network
from engine.rt.history import believe

CLASSES = 4


def melody(n, seed=0):
    """Return (pitch, onset frame, released) of n notes, some together."""
    random = np.random.default_rng(seed)
    frames = np.cumsum(random.choice([0, 300, 12000, 30000], n))
    return [
        (int(p), int(t), bool(r))
        for p, t, r in zip(random.integers(36, 90, n), frames, random.random(n) < 0.8, strict=True)
    ]


def run(arrays, notes):
    weights, state, memory = arrays
    rows = np.zeros((len(notes), CLASSES), np.float32)
    for row, (pitch, frame, released) in zip(rows, notes, strict=True):
        network.step(weights, state, memory, pitch, frame, row)
        if released:
            f.remember_note_off(memory, pitch)
    return rows


class Reference:
    """The same network in float64, equation by equation; its own history of classes."""

    def __init__(self, weights):
        self.w = {name: array.astype(np.float64) for name, array in weights.items()}
        self.memory = f.new_memory(48000, CLASSES)
        self.hidden = np.zeros((3, network.HIDDEN))
        self.cell = np.zeros((3, network.HIDDEN))

    def step(self, pitch, frame):
        tokens = np.zeros(f.MAX_TOKENS, np.int64)
        f.revise_chord(self.memory, frame)
        count = f.write_features(self.memory, pitch, frame, tokens)
        f.remember_note_on(self.memory, pitch, frame)
        w = self.w
        x = w["embedding"][tokens[:count]].sum(0) + w["frequency"] * 2 ** ((pitch - 108) / 12)
        for layer in range(3):
            gates = w[f"input_{layer}"] @ x + w[f"bias_{layer}"]
            gates += w[f"recurrent_{layer}"] @ self.hidden[layer]
            i, forget, candidate, out = gates.reshape(4, network.HIDDEN)
            sigmoid = [1 / (1 + np.exp(-gate)) for gate in (i, forget, out)]
            self.cell[layer] = sigmoid[1] * self.cell[layer] + sigmoid[0] * np.tanh(candidate)
            x = self.hidden[layer] = sigmoid[2] * np.tanh(self.cell[layer])
        logits = w["output"] @ x + w["output_bias"]
        logp = logits - np.log(np.exp(logits).sum())
        believe(self.memory, logp.astype(np.float32))
        return logp


@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_it_is_the_lstm_of_the_textbook(scale):
    weights = {k: v * np.float32(scale) for k, v in network.random_weights(CLASSES, 1).items()}
    notes = melody(200)
    rows = run(network.new_network(weights), notes)
    reference = Reference(weights)
    for row, (pitch, frame, released) in zip(rows, notes, strict=True):
        np.testing.assert_allclose(row, reference.step(pitch, frame), atol=1e-5 * scale**2)
        if released:
            f.remember_note_off(reference.memory, pitch)
    assert np.ptp(rows, axis=0).min() > 1e-3  # it listens


def test_probabilities_sum_to_one():
    rows = run(network.new_network(network.random_weights(CLASSES, 2)), melody(50))
    np.testing.assert_allclose(np.exp(rows.astype(np.float64)).sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 5, 6])
def test_any_number_of_classes(classes):
    arrays = network.new_network(network.random_weights(classes, 2))
    logp = np.zeros(classes, np.float32)
    network.step(*arrays, 60, 0, logp)
    assert np.exp(logp).sum() == pytest.approx(1, abs=1e-6)


def test_reset_equals_fresh():
    weights = network.random_weights(CLASSES, 3)
    arrays = network.new_network(weights)
    first = run(arrays, melody(60))
    assert not np.array_equal(run(arrays, melody(60)), first)
    network.reset_network(arrays[1], arrays[2])
    assert np.array_equal(run(arrays, melody(60)), first)


def test_every_key_at_every_extreme_stays_finite():
    arrays = network.new_network(
        {k: v * np.float32(30) for k, v in network.random_weights(CLASSES, 4).items()}
    )
    notes = [(pitch % 128, pitch * 7, False) for pitch in range(512)]
    assert np.isfinite(run(arrays, notes)).all()


def test_weights_that_do_not_fit_are_named():
    good = network.random_weights(CLASSES, 0)
    with pytest.raises(ValueError, match="lack the array 'recurrent_1'"):
        network.new_network({k: v for k, v in good.items() if k != "recurrent_1"})
    with pytest.raises(ValueError, match=r"'input_0' must have shape \(\d+, \d+\), got \(3, 3\)"):
        network.new_network(good | {"input_0": np.zeros((3, 3), np.float32)})
    with pytest.raises(ValueError, match="2 to 6 classes, got 9"):
        network.new_network(network.random_weights(9, 0))
    with pytest.raises(ValueError, match="'bias_2' must hold finite numbers"):
        network.new_network(good | {"bias_2": np.full(network.GATES, np.nan, np.float32)})
    for wrong in ([], [1.0], [1.0, 0.0], [np.nan, 1.0], [1.0, 11.0], [[1.0, 1.0]]):
        with pytest.raises(ValueError, match=r"'temperature' must be two numbers of 0.1 to 10.0"):
            network.new_network(good | {"temperature": np.array(wrong, np.float32)})


@pytest.mark.parametrize("classes", [4, 6])
def test_the_temperatures_are_one_or_what_the_weights_say(classes):
    plain = network.random_weights(classes, 1)
    told = plain | {"temperature": np.array([1.7, 2.5], np.float32)}
    for together, right in ((False, 1.7), (True, 2.5)):
        assert network.temperature_of(network.new_network(plain)[0], together) == 1
        found = network.temperature_of(network.new_network(told)[0], together)
        assert found == pytest.approx(right)
    notes = melody(20)
    assert np.array_equal(
        run(network.new_network(plain), notes), run(network.new_network(told), notes)
    )


AUDIT = """
import numpy as np
from numba import njit
from engine.rt import assignment, features, history, network

@njit
def allocating(n):
    return np.zeros(n).sum()

allocating(4)
weights, state, memory = network.new_network(network.random_weights(4, 0))
logp = np.zeros((4, 4), np.float32)
network.step(weights, state, memory, 60, np.int64(0), logp[0])
features.remember_note_off(memory, 60)
network.keep_past(state, memory)
network.go_back(state, memory)
network.return_to_present(state, memory)
history.rethink(memory, 60, logp[0], 2, False)
history.revise(memory)
assignment.assign_jointly(logp, 4, np.ones((4, 4), np.uint8), np.zeros(4, np.int8))
for function in (allocating, network.step, network.advance, network.reset_network,
                 network.keep_past, network.go_back, network.return_to_present,
                 features.remember_note_off, history.revise, history.rethink,
                 assignment.assign_jointly):
    code = "".join(function.inspect_llvm().values())
    print(function.__name__, "NRT_Allocate" in code or "NRT_MemInfo_alloc" in code)
"""


@pytest.mark.slow
def test_the_machine_code_allocates_nothing(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", AUDIT], env=environment, capture_output=True, text=True, check=True
    )
    allocates = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert allocates.pop("allocating") == "True"  # the control is caught
    assert len(allocates) == 10
    assert set(allocates.values()) == {"False"}


def test_going_back_is_as_if_the_chord_had_not_been():
    weights = network.random_weights(CLASSES, 6)
    before, chord = melody(30), [(48, 900_000), (60, 900_300), (67, 900_900)]
    arrays = network.new_network(weights)
    run(arrays, before)
    network.keep_past(*arrays[1:])
    run(arrays, [(*note, False) for note in chord])
    f.remember_note_off(arrays[2], 48)
    network.go_back(*arrays[1:])
    again = run(arrays, [(*note, False) for note in chord[::-1]])

    other = network.new_network(weights)
    run(other, before)
    assert np.array_equal(again, run(other, [(*note, False) for note in chord[::-1]]))


def test_returning_is_as_if_nobody_had_gone_back():
    weights = network.random_weights(CLASSES, 6)
    notes = melody(40, seed=2)
    later = [(pitch, frame + 2_000_000, released) for pitch, frame, released in melody(20, seed=3)]
    straight, detour = network.new_network(weights), network.new_network(weights)
    run(straight, notes)
    run(detour, notes[:36])
    network.keep_past(*detour[1:])
    run(detour, notes[36:])
    network.go_back(*detour[1:])
    run(detour, notes[:10])
    network.return_to_present(*detour[1:])
    assert np.array_equal(run(detour, later), run(straight, later))
