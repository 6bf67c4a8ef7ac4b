"""A morph sound as the record the callback reads: its plane, sources, curves and path. [main]"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.morph_paths import (
    Ear,
    Label,
    Path,
    even_curve,
    even_path,
    path_of_labels,
    path_of_points,
)
from engine.morph_plane import Plane, plane_of
from engine.morph_sounds import AXES, KINDS, SHAPES, MorphSound
from engine.rt import pad_memory as pm
from models.morph.voice_model import MorphModel


def pad_record(
    sound: MorphSound,
    model: MorphModel,
    labels: Sequence[Label] = (),
    serial: int = 0,
) -> np.ndarray:
    """Return (1,) PAD_SOUND; with labels its path is theirs, else the sound's trajectory. [main]

    ModelError if the model lacks an instrument, MorphSoundError if no label is an anchor's.
    """
    record = np.zeros(1, pm.PAD_SOUND)
    plane = plane_of([(anchor.x, anchor.y) for anchor in sound.anchors])
    ear = Ear(sound, model)
    _put_plane(record[0], plane)
    _put_sources(record[0], sound, plane, ear)
    path = _path(sound, labels)
    if path is not None:
        _put_path(record[0], even_path(path, plane, ear, sound.mode) if sound.even_motion else path)
    record["serial"] = serial
    return record


def _put_plane(record: np.void, plane: Plane) -> None:
    count = len(plane.places)
    record["anchors"] = count
    record["x"][:count], record["y"][:count] = np.array(plane.places).T
    record["cells"], record["edges"] = len(plane.cells), len(plane.edges)
    for k, cell in enumerate(plane.cells):
        record["cell_size"][k] = len(cell)
        record["cell"][k * pm.ANCHORS : k * pm.ANCHORS + len(cell)] = cell
    for k, (one, other) in enumerate(plane.edges):
        record["edge_from"][k], record["edge_to"][k] = one, other


def _put_sources(record: np.void, sound: MorphSound, plane: Plane, ear: Ear) -> None:
    record["sources"] = len(sound.sources)
    for k, source in enumerate(sound.sources):
        record["axis"][k] = AXES.index(source.axis)
        record["kind"][k] = KINDS.index(source.kind)
        record["shape"][k] = SHAPES.index(source.shape)
        for key in (
            *("controller", "low", "high", "period_s", "period_beats"),
            *("attack_s", "decay_s"),
        ):
            record[key][k] = getattr(source, key)
        curve = np.linspace(0, 1, pm.CURVE_POINTS)
        if sound.even_motion:
            curve = even_curve(sound, plane, ear, k, pm.CURVE_POINTS)
        record["curve"][k * pm.CURVE_POINTS : (k + 1) * pm.CURVE_POINTS] = curve


def _path(sound: MorphSound, labels: Sequence[Label]) -> Path | None:
    if labels:
        return path_of_labels(labels, sound.anchors, sound.interpolation, pm.PATH_POINTS)
    if sound.trajectory:
        in_beats = sound.trajectory_unit == "beats"
        points = sound.trajectory
        return path_of_points(points, sound.interpolation, pm.PATH_POINTS, in_beats)
    return None


def _put_path(record: np.void, path: Path) -> None:
    rows, columns = path.rows.shape
    table = np.zeros((pm.PATH_POINTS, pm.ANCHORS), np.float32)
    table[:rows, :columns] = path.rows
    record["path"][:] = table.ravel()
    record["path_kind"] = pm.OF_WEIGHTS if path.of_weights else pm.ON_PLANE
    record["path_points"] = rows
    record["path_stepped"] = int(path.stepped)
    record["path_unit"] = pm.BEATS if path.in_beats else pm.SECONDS
    record["path_length"] = path.length
