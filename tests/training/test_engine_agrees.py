"""What is measured is what plays: the engine gives every note the voice that evaluate does."""

import numpy as np
import pytest

from models import registry
from tests.engine.rig_helpers import RAMPED, new_engine, note_off, note_on, note_ons, send
from tests.training.test_evaluate import SCORE
from training.part_separation.evaluate import Network
from training.part_separation.live import CLASSES, CLEAN, LIVE, perform

SHARED = SCORE.copy()
SHARED[1::8, 2] = SHARED[2::8, 2]  # in every other chord two voices share a key


def messages(events):
    """Return (frame, message); a key that is down is struck again on the next channel."""
    down: dict[int, int] = {}
    found = []
    for frame, key in events.tolist():
        channel = down.get(key, 0) if key >= 0 else down[-1 - key] - 1
        message = note_on(key, channel=channel) if key >= 0 else note_off(-1 - key, channel)
        down[key if key >= 0 else -1 - key] = channel + (key >= 0)
        found.append((frame, message))
    return found


def at(*temperatures):
    """The shipped chorale network, more or less sure of itself: alone, in a chord."""
    return registry.load("chorales") | {"temperature": np.array(temperatures, np.float32)}


@pytest.mark.parametrize("window_ms", [0, 20, 45])
def test_how_sure_a_network_is_changes_none_of_its_choices(window_ms):
    for seed in (1, 2):
        performance = perform(SCORE, LIVE, np.random.default_rng(seed))
        labels, logp, sure = Network(at(1.0, 1.0)).weigh(performance, window_ms)
        others, other_logp, unsure = Network(at(3.0, 3.0)).weigh(performance, window_ms)
        assert labels.tolist() == others.tolist()
        np.testing.assert_array_equal(logp, other_logp)
        assert unsure.mean() < sure.mean() - 0.05


@pytest.mark.parametrize("window_ms", [0, 20, 45])
@pytest.mark.parametrize(
    ("score", "conditions", "seed", "temperatures"),
    [(SCORE, LIVE, 1, (1, 1)), (SCORE, LIVE, 2, (2, 1.5)), (SHARED, CLEAN, 1, (1, 2))],
)
def test_the_engine_gives_the_voices_that_are_measured(
    score, conditions, seed, temperatures, window_ms
):
    performance = perform(score, conditions, np.random.default_rng(seed))
    weights = at(*temperatures)
    expected, _, chances = Network(weights).weigh(performance, window_ms)

    engine = new_engine(chord_window_ms=window_ms, assigner="network", ready=False)
    try:
        engine.load_separator(weights)
        assert engine.ensemble is not None
        engine.apply(engine.ensemble)
        engine.render(RAMPED)
        engine.results()
        last_frame = int(performance.events[-1, 0]) + engine.frame
        send(engine, messages(performance.events))
        records = []
        while engine.frame < last_frame + 9600:
            engine.render(4800)
            records.append(engine.results())
        struck = note_ons(np.concatenate(records))
        struck = struck[np.argsort(struck["note"])]
    finally:
        engine.close()
    assert len(struck) == len(expected)
    assert struck["a"].tolist() == performance.pitches.tolist()
    assert set(struck["c"]) == {0}  # the network's choice, every one
    assert struck["part"].tolist() == expected.tolist()
    np.testing.assert_allclose(struck["confidence"], chances, atol=1e-4)
    assert 0 <= expected.min() <= expected.max() < CLASSES
