"""What the tests of morph voices share: a model of random weights, sounds, small engines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.morph_sounds import Anchor, MorphSound, Point, save_morph_sound
from engine.rt.network import random_weights
from models.morph.voice_model import HARMONICS, LEVELS, MorphModel, random_model
from tests.engine.rig_helpers import RAMPED, voices_of


def sound_of(name: str = "plain", anchors: int = 2, **settings) -> MorphSound:
    """A sound of the random model's first instruments, the puck on the first; still, if not told
    otherwise."""
    settings.setdefault("texture", 0.0)
    settings.setdefault("puck", Point(0.0, 0.5))
    places = tuple(
        Anchor(f"instrument {k + 1}", dynamics=0.25 + k / 16, x=k / 8) for k in range(anchors)
    )
    return MorphSound(id=name, name=name, anchors=places, **settings)


def still(model: MorphModel, harmonics: int, noise_db: float = -100.0) -> MorphModel:
    """A model that gives so many harmonics at -6 dB and the same noise whatever it is asked."""
    levels = np.full(LEVELS, -100, np.float32)
    levels[:harmonics], levels[HARMONICS:] = -6, noise_db
    return dataclasses.replace(model, w2=0 * model.w2, b2=levels)


def set_weights(engine: Engine, *weights: float) -> None:
    """Have the first part's anchors weigh this, whatever its pad says: that is taken away."""
    engine._rig.pads[0]["sound"] = 0
    slot = engine._rig.morph_parts[0]["sound"]
    engine._rig.morphs[slot]["weights"][: len(weights)] = weights


def ensemble_of(folder: Path, *sounds: MorphSound, id: str = "test", **settings) -> Ensemble:
    """A part for each sound, written into `folder`."""
    part_settings = {"polyphony": 64, "reverb_send": 0.0}
    part_settings |= {key: settings.pop(key) for key in tuple(settings) if key in ("polyphony",)}
    parts = tuple(
        Part(
            name=f"part {i}",
            program=19,
            sound="morph",
            morph=str(save_morph_sound(sound, folder)),
            voices=voices_of(i, len(sounds)),
            midi_channel=i + 1,
            **part_settings,
        )
        for i, sound in enumerate(sounds)
    )
    return Ensemble(id=id, name=id, parts=parts, **settings)


def new_morph_engine(
    folder: Path,
    *sounds: MorphSound,
    model: MorphModel | None = None,
    rate_hz: int = 48000,
    network: bool = False,
    **settings,
) -> Engine:
    """An engine with a part for each sound, no FluidSynth, its ramps at rest.

    Notes are assigned by zones (below 57, 63, 69, above), or by an untrained network.
    """
    engine = Engine(rate_hz)
    engine._rig.state[0]["fluid"] = 0
    if network:
        engine.load_separator(random_weights(4, seed=1))
    settings.setdefault("assigner", "network" if network else "zones")
    engine.use_morph_model(model or random_model(1))
    engine.apply(ensemble_of(folder, *(sounds or (sound_of(),)), **settings))
    engine.render(RAMPED)
    engine.results()
    engine.reset_stats()
    return engine


def voices(engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    """The sounding voices' records, and their places in the pool."""
    count = int(engine._rig.morph[0]["active"])
    places = engine._rig.morph_active[:count].copy()
    return engine._rig.morph_voices[places], places
