"""Trajectories of a pad's puck: through points, through the labels of a MIDI file, at an even pace.

A path is a table of rows at equal times, (rows, 2) places on the plane or (rows, anchors) weights,
which the callback walks along. Reckoned when a sound is loaded or a trajectory changes. [main]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.midi.performance import Performance
from engine.morph_plane import Plane, weights_at
from engine.morph_sounds import Anchor, MorphSound, MorphSoundError
from models.morph.voice_model import MorphModel, conditioning

LONGEST_PATH_S = 600.0
KEYS = (48, 60, 72)  # at which steps of the sound are measured
VELOCITY, AGE_S = 80, 0.6
FAINTEST_DB = -70.0  # what is fainter is not heard as a difference
EVEN_ROWS = 257  # at which a path's sound is looked at
# The label a General MIDI program stands for: the first program of each, up to the next.
LABEL_OF_PROGRAM = (
    (0, "piano"),
    (16, "organ"),
    (24, "guitar"),
    (32, "double bass"),
    (40, "violin"),
    (41, "viola"),
    (42, "cello"),
    (43, "double bass"),
    (44, "violin"),
    (46, "harp"),
    (48, "violin"),
    (52, "choir"),
    (56, "trumpet"),
    (57, "trombone"),
    (59, "trumpet"),
    (60, "french horn"),
    (61, "trumpet"),
    (64, "saxophone"),
    (68, "oboe"),
    (70, "bassoon"),
    (71, "clarinet"),
    (72, "flute"),
    (80, ""),
)


@dataclass(frozen=True)
class Label:
    """An instrument, played so loud (0..1), from a moment on. [any]"""

    seconds: float
    instrument: str
    dynamics: float


@dataclass(frozen=True)
class Path:
    """Rows at equal times, over so many seconds or beats; `stepped`: each holds until the next."""

    rows: np.ndarray  # (rows, 2) x and y, or (rows, anchors) weights; float32
    length: float
    in_beats: bool = False
    stepped: bool = False
    of_weights: bool = False


def labels_of(performance: Performance) -> list[Label]:
    """The label of every note, by its track's program and its velocity, in order. [any]

    Notes that begin together count as one, with the loudest's label.
    """
    labels: list[Label] = []
    for note in performance.notes():
        track = performance.tracks[int(note["track"])]
        instrument = [name for first, name in LABEL_OF_PROGRAM if first <= track.program][-1]
        label = Label(float(note["start_seconds"]), instrument, float(note["velocity"]) / 127)
        if track.drums or not instrument:
            continue
        if labels and label.seconds - labels[-1].seconds < 1e-3:
            if label.dynamics > labels[-1].dynamics:
                labels[-1] = label
            continue
        labels.append(label)
    return labels


def path_of_labels(
    labels: Sequence[Label], anchors: Sequence[Anchor], interpolation: str, rows: int
) -> Path:
    """The way through the labels' weights; MorphSoundError if the anchors have none of them. [main]

    A label's instrument must be an anchor's; between anchors of one instrument its dynamics decide.
    Others are passed over.
    """
    known = [(label.seconds, label_weights(label, anchors)) for label in labels]
    points = [(seconds, weights) for seconds, weights in known if weights is not None]
    if len(points) < 2:
        have = ", ".join(dict.fromkeys(anchor.instrument for anchor in anchors))
        asked = ", ".join(dict.fromkeys(label.instrument for label in labels)) or "no notes"
        raise MorphSoundError(
            f"a trajectory needs two notes or more of {have}, which are this sound's instruments; "
            f"there are {asked}"
        )
    times = np.array([seconds for seconds, _ in points])
    length = float(times[-1] - times[0])
    if length > LONGEST_PATH_S:
        raise MorphSoundError(
            f"a trajectory of {length:.0f} s is too long: it may be {LONGEST_PATH_S:.0f} s"
        )
    weights = np.array([weights for _, weights in points])
    return Path(
        interpolated(times - times[0], weights, interpolation, rows),
        length,
        stepped=interpolation == "none",
        of_weights=True,
    )


def label_weights(label: Label, anchors: Sequence[Anchor]) -> np.ndarray | None:
    """The anchors' weights that stand for a label; None if no anchor is of its instrument. [any]"""
    own = [k for k, anchor in enumerate(anchors) if anchor.instrument == label.instrument]
    if not own:
        return None
    own.sort(key=lambda k: anchors[k].dynamics)
    weights = np.zeros(len(anchors))
    loud = [anchors[k].dynamics for k in own]
    place = float(np.interp(label.dynamics, loud, np.arange(len(own))))
    below = min(int(place), len(own) - 1)
    weights[own[below]] = 1.0 - (place - below)
    if below + 1 < len(own):
        weights[own[below + 1]] = place - below
    return weights


def path_of_points(
    points: Sequence[tuple[float, float, float]], interpolation: str, rows: int, in_beats: bool
) -> Path:
    """The way through (seconds or beats, x, y). [any]"""
    times, places = np.array(points)[:, 0], np.array(points)[:, 1:]
    through = np.clip(interpolated(times, places, interpolation, rows), 0, 1)
    return Path(through, float(times[-1]), in_beats, stepped=interpolation == "none")


def interpolated(times: np.ndarray, values: np.ndarray, kind: str, rows: int) -> np.ndarray:
    """Values (times, D) at `rows` equal times, (rows, D) float32. [any]

    none: each holds until the next; linear; cubic: smooth, and so beyond the points here and there
    (Hermite's, with the slope of the line between the points before and after).
    """
    at = np.linspace(times[0], times[-1], rows)
    if kind == "none":
        found = values[np.clip(np.searchsorted(times, at, "right") - 1, 0, len(times) - 1)]
    elif kind == "linear":
        found = np.stack([np.interp(at, times, column) for column in values.T], 1)
    else:
        found = _cubic(times, values, at)
    return found.astype(np.float32)


def _cubic(times: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    slopes = np.empty_like(values)
    slopes[0] = (values[1] - values[0]) / (times[1] - times[0])
    slopes[-1] = (values[-1] - values[-2]) / (times[-1] - times[-2])
    slopes[1:-1] = (values[2:] - values[:-2]) / (times[2:] - times[:-2])[:, None]
    below = np.clip(np.searchsorted(times, at, "right") - 1, 0, len(times) - 2)
    span = (times[below + 1] - times[below])[:, None]
    t = (at - times[below])[:, None] / span
    start, end = values[below], values[below + 1]
    return (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * span * slopes[below]
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * span * slopes[below + 1]
    )


# How far the sound goes along a way


class Ear:
    """What a sound's weights sound like: decoded levels at a few keys. [main]"""

    def __init__(self, sound: MorphSound, model: MorphModel) -> None:
        rows = [model.index(anchor.instrument) for anchor in sound.anchors]
        self._model = model
        self._z = np.stack(
            [
                model.anchor_table(row, anchor.dynamics)[list(KEYS)]
                for row, anchor in zip(rows, sound.anchors, strict=True)
            ]
        )  # (anchors, keys, L)
        self._level_db = np.array(
            [
                [model.level_db(row, key, VELOCITY) + anchor.gain_db for key in KEYS]
                for row, anchor in zip(rows, sound.anchors, strict=True)
            ]
        )  # (anchors, keys)
        self._features = conditioning(np.array(KEYS), VELOCITY, AGE_S)
        self._own_db = self._decoded(self._z) + self._level_db[..., None]

    def levels_db(self, weights: np.ndarray, mode: str) -> np.ndarray:
        """Decoded levels (rows, keys, 88) of weights (rows, anchors), loudness and all. [main]"""
        if mode == "baseline":
            return np.einsum("ra,akl->rkl", weights, self._own_db)
        z = np.einsum("ra,akl->rkl", weights, self._z).astype(np.float32)
        return self._decoded(z) + (weights @ self._level_db)[..., None]

    def _decoded(self, z: np.ndarray) -> np.ndarray:
        features = np.broadcast_to(self._features, (*z.shape[:2], self._features.shape[-1]))
        return np.maximum(self._model.decode(z, features), FAINTEST_DB)

    def steps_db(self, weights: np.ndarray, mode: str) -> np.ndarray:
        """How far each row is from the one before, RMS over levels and keys (rows - 1,). [main]"""
        levels = self.levels_db(weights, mode)
        return np.sqrt(np.mean(np.diff(levels, axis=0) ** 2, axis=(1, 2)))


def even_places(steps: np.ndarray, rows: int) -> np.ndarray:
    """Where on a way (0..1) to be at `rows` equal times, so that the sound moves evenly. [any]

    `steps`: how far the sound goes between equal pieces of the way. Where it hardly moves a way of
    its own length is counted too, a hundredth of all, so that no place is passed in no time.
    """
    total = float(steps.sum())
    if total <= 0.0:
        return np.linspace(0, 1, rows)
    gone = np.concatenate([[0.0], np.cumsum(steps + 0.01 * total / len(steps))])
    places = np.interp(np.linspace(0, gone[-1], rows), gone, np.linspace(0, 1, len(gone)))
    places[0], places[-1] = 0.0, 1.0
    return places


def even_path(path: Path, plane: Plane, ear: Ear, mode: str) -> Path:
    """The same way in the same time, at an even pace of the sound. Steps stay steps. [main]"""
    if path.stepped:
        return path
    thin = path.rows[np.linspace(0, len(path.rows) - 1, EVEN_ROWS).round().astype(int)]
    weights = thin if path.of_weights else _weights_along(plane, thin)
    places = even_places(ear.steps_db(weights, mode), len(path.rows)) * (len(path.rows) - 1)
    columns = path.rows.T
    rows = np.stack([np.interp(places, np.arange(len(path.rows)), c) for c in columns], 1)
    return Path(rows.astype(np.float32), path.length, path.in_beats, False, path.of_weights)


def even_curve(sound: MorphSound, plane: Plane, ear: Ear, source: int, points: int) -> np.ndarray:
    """A source's curve (points,) 0..1: equal steps of it are equal steps of the sound. [main]

    Along its own way alone, from the place the sound puts the puck at.
    """
    moves = sound.sources[source]
    way = np.linspace(moves.low, moves.high, EVEN_ROWS)
    x, y = np.full(EVEN_ROWS, sound.puck.x), np.full(EVEN_ROWS, sound.puck.y)
    if moves.axis == "x":
        x = np.clip(x + way, 0, 1)
    else:
        y = np.clip(y + way, 0, 1)
    weights = _weights_along(plane, np.stack([x, y], 1))
    return even_places(ear.steps_db(weights, sound.mode), points).astype(np.float32)


def _weights_along(plane: Plane, places: np.ndarray) -> np.ndarray:
    return np.stack([weights_at(plane, float(x), float(y)) for x, y in places])


# What was recorded


def thinned(
    places: np.ndarray, seconds: float, tolerance: float
) -> list[tuple[float, float, float]]:
    """Recorded places (n, 2), `seconds` apart, as points a straight way between which is as near
    as `tolerance`: (seconds, x, y). [main]"""
    places = np.asarray(places, np.float64)
    keep = np.zeros(len(places), bool)
    keep[[0, -1]] = True
    waiting = [(0, len(places) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        share = np.linspace(0, 1, last - first + 1)[:, None]
        straight = places[first] + share * (places[last] - places[first])
        away = np.abs(places[first : last + 1] - straight).max(1)
        furthest = int(away.argmax())
        if away[furthest] > tolerance:
            keep[first + furthest] = True
            waiting += [(first, first + furthest), (first + furthest, last)]
    return [
        (round(float(k * seconds), 4), round(float(x), 4), round(float(y), 4))
        for k, (x, y) in ((k, places[k]) for k in np.flatnonzero(keep))
    ]
