"""What the network learns from: performances as its own steps would hear them."""

import numpy as np
import pytest

from engine.rt.features import CLASSES_WERE, MAX_TOKENS, tokens
from engine.rt.network import random_weights
from training.part_separation.evaluate import Network
from training.part_separation.live import LIVE, perform
from training.part_separation.prepare import Chorale
from training.part_separation.sequences import LONGEST_NOTES, Sequences, listen

ALL = np.ones((1, 4), bool)


def by_pitch(rows, state):
    """A network that knows the voices by their range."""
    pitch = rows[:, :1]
    middles = np.array([[72, 65, 59, 50]])
    return (-np.abs(pitch - middles)).astype(np.float32), state


@pytest.mark.parametrize("kind", ["taught", "listened"])
def test_sequences_are_seeded_and_whole(random_chorales, kind):
    one, two = (Sequences(random_chorales, 4, 5, batch=3, steps=200) for _ in range(2))
    arguments = (by_pitch,) if kind == "listened" else ()
    rows, voices, decision, playing = getattr(one, kind)(*arguments)
    for a, b in zip((rows, voices, decision, playing), getattr(two, kind)(*arguments), strict=True):
        assert np.array_equal(a, b)
    assert rows.shape == (200, 3, MAX_TOKENS)
    assert rows.max() == tokens(4)  # none
    assert (rows[..., 0] < 128).all()
    assert voices.any(-1).all()
    assert (np.diff(decision, axis=0) >= 0).all()
    assert not np.array_equal(rows, getattr(one, kind)(*arguments)[0])


def test_no_decision_spans_two_pieces(random_chorales):
    _, _, decision, _ = Sequences(
        random_chorales, 4, 5, batch=1, steps=300
    ).taught()  # 120 notes a piece
    assert np.unique(decision[:, 0], return_counts=True)[1].max() <= 4


def test_every_note_is_told_where_each_class_was(random_chorales):
    rows, _, _, _ = Sequences(random_chorales, 4, 5, batch=4, steps=100).taught()
    told = ((rows >= CLASSES_WERE) & (rows < tokens(4))).sum(-1)
    assert (told == 4).all()


def test_the_taught_beliefs_are_the_truth_but_for_stretches(random_chorales):
    voices = np.eye(4, dtype=bool)[np.random.default_rng(1).integers(0, 4, 5000)]
    beliefs = Sequences(random_chorales, 4, 5, batch=1, steps=100)._beliefs(voices)
    wrong = 1 - voices[np.arange(5000), beliefs.argmax(1)].mean()
    assert 0.01 < wrong < 0.1


def test_what_is_listened_to_is_what_the_engine_hears(random_chorales):
    weights = random_weights(4, seed=3)
    performance = perform(random_chorales[0].notes, LIVE, np.random.default_rng(0), 4)
    n = len(performance.voices)
    _, logp = Network(weights).listen(performance, 0)
    at = iter(range(n))
    listened = listen(
        [performance.events], ALL, n, lambda rows, state: (logp[next(at)][None], state)
    )
    again = listen([performance.events], ALL, n, lambda rows, state: (logp[:1], state))
    assert not np.array_equal(listened, again)  # other decisions, another past
    assert np.array_equal(listened[0], again[0])


def test_a_long_piece_is_heard_in_excerpts():
    notes = np.array([(i * 480, 480, 60 + i % 12, i % 4) for i in range(3000)], np.int32)
    cut = Sequences([Chorale("long", notes)], 4, 5, batch=1, steps=100)._cut(notes)
    assert len(cut) == LONGEST_NOTES
    assert cut[0, 0] == 0


def test_classes_that_a_piece_has_not_are_never_believed_in(random_chorales):
    trio = [Chorale(c.name, c.notes[c.notes[:, 3] != 1]) for c in random_chorales]
    sequences = Sequences(trio, 4, 5, batch=2, steps=60, tell_absent=True)
    rows, voices, _, playing = sequences.listened(by_pitch)
    assert playing.tolist() == [[True, False, True, True]] * 2
    assert not voices[..., 1].any()
    nowhere = tokens(4) - 4 + 1  # the second class has not been anywhere
    assert ((rows == nowhere).sum(-1) == 1).all()
    rows, _, _, playing = Sequences(trio, 4, 5, batch=2, steps=60).listened(by_pitch)
    assert playing.all()
    assert not (rows == nowhere).all(0).any()
