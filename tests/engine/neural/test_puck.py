"""The puck of a neural synth's pad follows what the live pad follows."""

from typing import Any

import numpy as np
import pytest

from engine.morph_sounds import Anchor, MorphSound, Point, Source
from engine.neural.puck import Puck, envelope, wave


def puck_of(**source: Any) -> Puck:
    places = tuple(Anchor(f"one {k}", x=k, y=0.5) for k in (0, 1))
    sound = MorphSound(
        "t", "t", anchors=places, puck=Point(0, 0.5), sources=(Source("x", **source),)
    )
    return Puck(sound)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "cc", "controller": 7}, (0xB3, 7, 127)),
        ({"kind": "aftertouch"}, (0xD0, 127, 0)),
        ({"kind": "aftertouch"}, (0xA0, 60, 127)),
        ({"kind": "bend"}, (0xE0, 127, 127)),
        ({"kind": "velocity"}, (0x90, 60, 127)),
        ({"kind": "key"}, (0x90, 108, 1)),
        ({"kind": "envelope", "attack_s": 0.0, "decay_s": 0.0}, (0x90, 60, 1)),
    ],
)
def test_each_source_leads_to_the_other_anchor(source: dict, message: tuple[int, ...]) -> None:
    puck = puck_of(**source)
    before = puck.target(0.0)[0]
    status, data1, data2 = message
    puck.hears(status, data1, data2, 0.0)
    np.testing.assert_allclose(puck.target(0.0), [0, 1], atol=1e-9)
    assert before >= 0.49


def test_the_pressure_of_a_key_ends_with_it() -> None:
    puck = puck_of(kind="aftertouch")
    for status in (0x80, 0x90):
        puck.hears(0xA0, 60, 127, 0.0)
        assert puck.target(0.0)[1] == pytest.approx(1)
        puck.hears(status, 60, 0, 0.0)
        assert puck.target(0.0)[1] == pytest.approx(0)


def test_the_weights_follow_within_20_ms_and_jump_when_told() -> None:
    puck = puck_of(kind="cc")
    puck.hears(0xB0, 1, 127, 0.0)
    weights = [puck.step(0.0, 0.01)[1] for _ in range(2)]
    assert 0.9 < weights[0] < 0.99 < weights[1] < 1
    puck.hears(0xB0, 1, 0, 0.0)
    puck.jump(0.0)
    assert puck.weights[0] == 1


def test_shapes_of_time() -> None:
    assert [envelope(t, 1, 2) for t in (0, 0.5, 1, 2, 4)] == [0, 0.5, 1, 0.5, 0]
    assert envelope(9, 1, 0) == 1
    for shape in ("sine", "triangle", "saw"):
        assert wave(0, shape, 0) == 0
        assert wave(0.5, shape, 0) == pytest.approx(0.5 if shape == "saw" else 1)
    values = [wave(t, "random", 1) for t in np.linspace(0, 20, 400)]
    assert 0 <= min(values) < 0.3
    assert 0.7 < max(values) <= 1
    assert abs(np.diff(values)).max() < 0.15
