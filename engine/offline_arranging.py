"""Part separation of a score with all of it in view: past, future, beats and durations.

`ripieno arrange --offline`. The network is `models/offline_parts.py`; which of its voices a part
plays is the ensemble's own word where it knows the same voices, else by range and role. Ranges and
hints limit what a note may be given, homes lean as they do live. [main]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.arrange_hints import PartHints, hints_of
from engine.ensembles import MODEL_CLASSES, Ensemble
from engine.errors import RipienoError
from engine.midi.performance import Performance, merged_to_keyboard
from engine.roles import Player, share_voices
from engine.separate import Arrangement, arranged
from models import offline_parts, registry
from models.errors import ModelError
from models.registry import OfflineModel

HOME_NATS, HOME_SEMITONES = 2.0, 5.0  # as in engine.rt.hints
NEVER = -1e9


def arrange_offline(
    performance: Performance,
    ensemble: Ensemble,
    model_name: str = "",
    hints_file: Path | None = None,
) -> Arrangement:
    """Give every note of a file to a part of the ensemble; nothing else of it changes.

    RipienoError says why the model or the hints cannot be used.
    """
    hints = hints_of(ensemble, hints_file)
    model, weights = _model(model_name or default_model(ensemble))
    players = players_of(ensemble, model)
    keyboard = merged_to_keyboard(performance)
    notes = keyboard.notes()
    beats = keyboard.tempo.to_beats(notes["start_seconds"])
    ends = keyboard.tempo.to_beats(notes["end_seconds"])
    logp = _log_probabilities(weights, beats, ends, notes["pitch"].astype(np.int64))
    chosen = choose(logp, notes["pitch"].astype(np.int64), beats, ensemble, players, hints)
    return arranged(keyboard, ensemble, chosen)


def default_model(ensemble: Ensemble) -> str:
    """The offline model of the ensemble's own voices. [main]"""
    wanted = MODEL_CLASSES[ensemble.model]
    for model in registry.list_offline():
        if model.classes == wanted:
            return model.name
    raise RipienoError(f"no offline model knows the voices of {ensemble.model!r}: name one")


def players_of(ensemble: Ensemble, model: OfflineModel) -> list[int]:
    """The part, from 0, that plays each voice of a model. RipienoError if none may. [main]"""
    if model.classes == MODEL_CLASSES[ensemble.model]:
        shares = [[model.classes.index(voice) for voice in p.voices] for p in ensemble.parts]
    else:
        players = [Player(p.low, p.high, p.role, p.bank, p.doubles) for p in ensemble.parts]
        shares = share_voices(players, model.middle_pitches)
    found = {voice: part for part, share in enumerate(shares) for voice in share}
    if len(found) < len(model.classes):
        raise RipienoError(f"{ensemble.name}: no part may play a voice of the model {model.name!r}")
    return [found[voice] for voice in range(len(model.classes))]


def choose(
    logp: np.ndarray,
    pitch: np.ndarray,
    beats: np.ndarray,
    ensemble: Ensemble,
    players: list[int],
    hints: list[PartHints],
) -> list[int]:
    """The part of each note: logp (n, voices), pitch and beats (n,); players: of the voices."""
    score = logp.astype(np.float64)
    outside = np.zeros_like(score)
    for voice, part in enumerate(players):
        low, high = ensemble.parts[part].low, ensemble.parts[part].high
        outside[:, voice] = np.maximum(np.maximum(low - pitch, pitch - high), 0)
        if hints[part].home >= 0:
            away = (pitch - hints[part].home) / HOME_SEMITONES
            score[:, voice] += HOME_NATS * np.exp(-0.5 * away * away)
        resting = [not hints[part].plays_at(beat) for beat in beats.tolist()]
        outside[resting, voice] = np.inf
    nearest = outside.min(axis=1, keepdims=True)
    score[outside > nearest] = NEVER
    chosen = np.array(players)[score.argmax(axis=1)] if len(score) else np.zeros(0, np.int64)
    for part in reversed(range(len(hints))):
        locked = [hints[part].locks(key) for key in pitch.tolist()]
        chosen[locked] = part
    return chosen.tolist()


def _log_probabilities(
    weights: dict[str, np.ndarray], beats: np.ndarray, ends: np.ndarray, pitch: np.ndarray
) -> np.ndarray:
    """Return (n, voices) in the order of the notes."""
    steps = offline_parts.STEPS
    onset = np.maximum(np.round(beats * steps), 0).astype(np.int64)
    duration = np.maximum(np.round(ends * steps).astype(np.int64) - onset, 1)
    order = np.lexsort((duration, pitch, onset))
    found = offline_parts.log_probabilities(weights, onset[order], duration[order], pitch[order])
    logp = np.empty_like(found)
    logp[order] = found
    return logp


def _model(name: str) -> tuple[OfflineModel, dict[str, np.ndarray]]:
    try:
        model = registry.find_offline(name)
        weights = registry.read_weights(registry.content(model), str(model.file))
        offline_parts.check(weights)
        return model, weights
    except ModelError as error:
        raise RipienoError(str(error)) from error
