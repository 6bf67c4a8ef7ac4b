"""What the engine says about playing on is read once, and wrong values are named."""

import pytest

from engine.continuation.settings import Part, Settings, instrument_of, read
from models.mmt.instruments import code_of

LINE = {
    "do": "set",
    "mode": "trade",
    "silence_beats": 2.0,
    "bars": 2,
    "length_bars": 0,
    "temperature": 1.0,
    "density": 0.0,
    "variation": 0.3,
    "memory_beats": 64,
    "seed": 3,
    "beats_per_bar": 3,
    "ensemble": "duo",
    "priority": 0,
    "offline": False,
    "parts": [
        {"name": "Violin", "program": 40, "bank": 0, "low": 55, "high": 103, "polyphony": 4,
         "continues": True},
        {"name": "Piano", "program": 1, "bank": 0, "low": 21, "high": 108, "polyphony": 0,
         "continues": False},
    ],
}  # fmt: skip


def test_a_line_is_read():
    settings = read(LINE)
    assert (settings.mode, settings.bars, settings.seed) == ("trade", 2, 3)
    assert settings.bar_beats == 3
    violin, piano = settings.parts
    assert violin == Part(code_of("violin"), 55, 103, 1)  # a bow plays a note at a time
    assert piano == Part(code_of("piano"), 21, 108, 6, continues=False)


def test_what_is_missing_or_wrong_is_named():
    with pytest.raises(ValueError, match="lack 'seed'"):
        read({key: value for key, value in LINE.items() if key != "seed"})
    with pytest.raises(ValueError, match=r"mode must be one of .*, got 'jam'"):
        read({**LINE, "mode": "jam"})
    for name, value in (("density", 2), ("temperature", 0), ("variation", -1), ("bars", 0)):
        with pytest.raises(ValueError, match=f"{name} must be"):
            read({**LINE, name: value})
    with pytest.raises(ValueError, match="high must be 60 to 127, got 50"):
        Part(1, 60, 50, 1)


def test_every_program_has_an_instrument():
    assert {instrument_of(program) for program in range(128)} <= set(range(1, 65))
    assert instrument_of(40) == code_of("violin")
    assert instrument_of(99) == code_of("pad")
    with pytest.raises(ValueError, match="program must be 0 to 127"):
        instrument_of(128)


def test_a_bar_counts_whole_beats():
    assert Settings(beats_per_bar=3.5).bar_beats == 4
    assert Settings(beats_per_bar=0.5).bar_beats == 1
