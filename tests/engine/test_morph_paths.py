"""Trajectories: through points, through the labels of a MIDI file, at an even pace of the sound."""

import numpy as np
import pytest

from engine.errors import RipienoError
from engine.midi.files import read_midi, write_midi
from engine.midi.performance import NOTE, Performance, Track, note_events
from engine.morph_paths import (
    Ear,
    Label,
    even_curve,
    even_path,
    even_places,
    interpolated,
    label_weights,
    labels_of,
    path_of_labels,
    path_of_points,
    thinned,
)
from engine.morph_plane import plane_of, weights_at
from engine.morph_sounds import Anchor, MorphSound, Point, Source
from models.morph.voice_model import random_model

MODEL = random_model(3)
ANCHORS = (
    Anchor("instrument 1", 0.2, 0.0, 0.0),
    Anchor("instrument 1", 0.8, 0.0, 1.0),
    Anchor("instrument 2", 0.5, 1.0, 0.5),
)
SOUND = MorphSound(
    "a", "A", anchors=ANCHORS, puck=Point(0, 0), sources=(Source("x", "cc"),), even_motion=True
)
TIMES, VALUES = np.array([0.0, 1.0, 4.0]), np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])


def performance(notes, programs):
    """Notes (seconds, end, pitch, velocity, track) as a performance."""
    rows = [(*n[:4], 64, n[4] + 1, n[4], 1 << n[4]) for n in notes]
    tracks = tuple(Track(f"t{k}", program, 0, k + 1) for k, program in enumerate(programs))
    return Performance("piece", note_events(np.array(rows, NOTE)), tracks)


@pytest.mark.parametrize("kind", ["none", "linear", "cubic"])
def test_a_way_goes_through_its_points(kind):
    rows = interpolated(TIMES, VALUES, kind, 401)
    np.testing.assert_allclose(rows[[0, 100, 400]], VALUES, atol=1e-6)
    halfway = {"none": [0.0, 1.0], "linear": [0.5, 0.5], "cubic": None}[kind]
    if halfway:
        np.testing.assert_allclose(rows[50], halfway, atol=1e-6)


def test_cubic_has_no_corner_and_goes_beyond():
    rows = interpolated(TIMES, VALUES, "cubic", 4001).astype(float)
    bends = np.abs(np.diff(rows, 2, axis=0)).max()
    corner = np.abs(np.diff(interpolated(TIMES, VALUES, "linear", 4001), 2, axis=0)).max()
    assert bends < 0.02 * corner
    beyond = interpolated(TIMES, np.array([[0.0], [1.0], [1.0]]), "cubic", 401)
    assert beyond.max() > 1.02


def test_points_on_the_plane_stay_on_it():
    path = path_of_points([(0, 0, 0.5), (1, 1, 0.5), (1.5, 1, 1)], "cubic", 100, in_beats=True)
    assert path.rows.min() >= 0
    assert path.rows.max() <= 1
    assert path.length == 1.5
    assert path.in_beats


def test_a_file_s_programs_and_velocities_are_labels(tmp_path):
    notes = [(0, 1, 60, 30, 0), (1, 2, 64, 100, 0), (2, 3, 60, 64, 1), (2, 3, 64, 90, 0)]
    file = tmp_path / "piece.mid"
    piece = performance(notes, (42, 73))
    write_midi(file, piece.tracks, piece.events)
    labels = labels_of(read_midi(file))
    assert [(round(label.seconds, 2), label.instrument) for label in labels] == [
        (0.0, "cello"),
        (1.0, "cello"),
        (2.0, "cello"),  # the louder of two that begin together
    ]
    assert labels[0].dynamics == pytest.approx(30 / 127)


def test_a_label_lies_between_anchors_of_its_instrument():
    for instrument, dynamics, weights in (
        ("instrument 1", 0.5, [0.5, 0.5, 0.0]),
        ("instrument 1", 0.9, [0.0, 1.0, 0.0]),
        ("instrument 2", 0.9, [0.0, 0.0, 1.0]),
    ):
        told = label_weights(Label(0, instrument, dynamics), ANCHORS)
        assert told is not None
        np.testing.assert_allclose(told, weights)
    assert label_weights(Label(0, "kazoo", 0.9), ANCHORS) is None


def test_a_trajectory_of_labels_keeps_the_sum_of_its_weights():
    labels = [Label(5, "kazoo", 0), Label(5, "instrument 1", 0.2), Label(6, "instrument 2", 0.5)]
    labels.append(Label(8, "instrument 1", 0.8))
    for kind in ("none", "linear", "cubic"):
        path = path_of_labels(labels, ANCHORS, kind, 300)
        assert path.length == 3
        assert path.of_weights
        assert path.stepped == (kind == "none")
        np.testing.assert_allclose(path.rows.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(path.rows[[0, -1]], [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_a_file_without_the_sound_s_instruments_is_refused_in_a_sentence():
    with pytest.raises(RipienoError, match="two notes or more of instrument 1, instrument 2.*kazo"):
        path_of_labels([Label(0, "kazoo", 0.5)], ANCHORS, "linear", 100)
    far = [Label(0, "instrument 1", 0.5), Label(5000, "instrument 2", 0.5)]
    with pytest.raises(RipienoError, match="5000 s is too long: it may be 600 s"):
        path_of_labels(far, ANCHORS, "linear", 100)


def test_an_even_source_moves_the_sound_by_equal_steps():
    plane, ear = plane_of([(a.x, a.y) for a in ANCHORS]), Ear(SOUND, MODEL)
    curve = even_curve(SOUND, plane, ear, 0, 33)
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) > 0).all()

    def unevenness(xs):
        weights = np.stack([weights_at(plane, x, 0.0) for x in xs])
        steps = ear.steps_db(weights, "latent")
        return steps.max() / steps.mean()

    assert unevenness(curve) < 1.25
    assert unevenness(curve) < unevenness(np.linspace(0, 1, 33))


@pytest.mark.parametrize("mode", ["latent", "baseline"])
def test_an_even_path_goes_the_same_way_in_the_same_time(mode):
    plane, ear = plane_of([(a.x, a.y) for a in ANCHORS]), Ear(SOUND, MODEL)
    path = path_of_points([(0, 0, 0), (8, 0.1, 0), (10, 1, 0.5)], "linear", 2048, in_beats=False)
    even = even_path(path, plane, ear, mode)
    assert even.length == path.length
    np.testing.assert_allclose(even.rows[[0, -1]], path.rows[[0, -1]], atol=1e-6)
    where = [np.linspace(0, 2047, 65).astype(int)]
    steps = [
        ear.steps_db(np.stack([weights_at(plane, *row) for row in p.rows[where[0]]]), mode)
        for p in (path, even)
    ]
    assert steps[1].max() / steps[1].mean() < 0.5 * steps[0].max() / steps[0].mean()


def test_steps_stay_steps_and_a_sound_that_does_not_move_keeps_its_time():
    path = path_of_points([(0, 0, 0), (1, 1, 0)], "none", 100, in_beats=False)
    assert even_path(path, plane_of([(0, 0)]), Ear(SOUND, MODEL), "latent") is path
    assert even_places(np.zeros(10), 5).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_in_baseline_levels_are_the_anchors_own_mixed():
    ear = Ear(SOUND, MODEL)
    corners = ear.levels_db(np.eye(3), "baseline")
    np.testing.assert_allclose(corners, ear.levels_db(np.eye(3), "latent"), atol=1e-3)
    middle = ear.levels_db(np.array([[0.5, 0.0, 0.5]]), "baseline")
    np.testing.assert_allclose(middle[0], (corners[0] + corners[2]) / 2, atol=1e-4)


def test_what_was_recorded_is_kept_in_few_points():
    places = np.concatenate([np.linspace([0, 0], [1, 0], 50), np.linspace([1, 0], [1, 1], 50)])
    points = thinned(places, 0.02, 0.004)
    assert len(points) == 3 or len(points) == 4
    assert points[0] == (0.0, 0.0, 0.0)
    assert points[-1] == (0.02 * 99, 1.0, 1.0)
