"""What a part needs is at hand before the callback takes it over."""

from collections.abc import Iterator

import pytest

from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.fluidsynth import FluidSynthError
from engine.soundfonts import bundled_soundfont


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(48000, soundfont=bundled_soundfont())
    yield engine
    engine.close()


def ensemble(sound: str, bank: int = 0) -> Ensemble:
    voices = ("soprano", "alto", "tenor", "bass")
    part = Part(name="Horn", program=60, bank=bank, sound=sound, voices=voices)
    return Ensemble(id="horn", name="Horn", parts=(part,))


@pytest.mark.parametrize("sound", ["soundfont", "midi", "morph"])
def test_every_parts_program_is_read_before_the_callback_chooses_it(
    engine: Engine, sound: str
) -> None:
    engine.apply(ensemble(sound))
    assert (0, 60) in engine._synth._pinned


def test_only_who_sounds_by_a_soundfont_needs_its_program_there(engine: Engine) -> None:
    engine.apply(ensemble("midi", bank=77))
    with pytest.raises(FluidSynthError, match="no preset 60 in bank 77"):
        engine.apply(ensemble("soundfont", bank=77))
