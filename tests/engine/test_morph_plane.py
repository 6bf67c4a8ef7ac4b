"""The plane of a morph sound: exact at anchors, two alone between two, without a step anywhere."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from engine.morph_plane import Plane, plane_of, weights_at

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LINE = ((0.5, 0.5), (0.0, 0.5), (1.0, 0.5))
DICE = (*SQUARE, (0.5, 0.5))
RING = tuple(
    (0.5 + 0.4 * math.cos(k * math.pi / 4), 0.5 + 0.4 * math.sin(k * math.pi / 4)) for k in range(8)
)
unit = st.floats(0, 1, width=32)
some_places = st.lists(st.tuples(unit, unit), min_size=1, max_size=8)


def apart(places) -> bool:
    return all(math.dist(p, q) >= 0.01 for i, p in enumerate(places) for q in places[:i])


def test_a_square_is_weighed_as_by_two_faders():
    plane = plane_of(SQUARE)
    assert plane.cells == ((0, 1, 2, 3),)
    x, y = 0.3, 0.8
    wanted = [(1 - x) * (1 - y), x * (1 - y), x * y, (1 - x) * y]
    np.testing.assert_allclose(weights_at(plane, x, y), wanted, atol=1e-12)


def test_anchors_on_a_line_are_passed_one_after_the_other():
    plane = plane_of(LINE)
    assert plane.cells == ()
    np.testing.assert_allclose(weights_at(plane, 0.1, 0.9), [0.2, 0.8, 0.0], atol=1e-12)
    np.testing.assert_allclose(weights_at(plane, 0.75, 0.1), [0.5, 0.0, 0.5], atol=1e-12)


def test_a_middle_anchor_makes_triangles_and_eight_on_a_ring_one_cell():
    assert sorted(map(len, plane_of(DICE).cells)) == [3, 3, 3, 3]
    ring = plane_of(RING)
    assert [sorted(cell) for cell in ring.cells] == [list(range(8))]
    assert len(ring.edges) == 8
    np.testing.assert_allclose(weights_at(ring, 0.5, 0.5), np.full(8, 1 / 8), atol=1e-9)


def test_one_anchor_is_all_there_is():
    assert weights_at(plane_of([(0.2, 0.3)]), 0.9, 0.1).tolist() == [1.0]


@pytest.mark.parametrize("places", [SQUARE, LINE, DICE, RING])
def test_between_two_neighbours_only_these_two_sound(places):
    plane = plane_of(places)
    sides = {
        tuple(sorted(side))
        for cell in plane.cells
        for side in zip(cell, (*cell[1:], cell[0]), strict=True)
    } or set(plane.edges)
    for one, other in sides:
        at = 0.7 * np.array(places[one]) + 0.3 * np.array(places[other])
        weights = weights_at(plane, *at)
        assert weights[one] == pytest.approx(0.7, abs=1e-6)
        assert weights[other] == pytest.approx(0.3, abs=1e-6)


@given(some_places, unit, unit)
@example([(1.0, 0.0), (1.0, 1.0), (1.0, 0.5), (0.99999, 0.53125)], 0.0, 0.0)
@example([(1.0, 0.0), (1.0, 1.0), (1.0, 0.5), (0.99999, 0.75)], 1.0, 0.0)
@example([(1.0, 0.0), (1.0, 1.0), (1.0, 0.5), (0.9999, 0.75)], 1.0, 0.25)
def test_weights_are_shares_and_an_anchor_is_itself(places, x, y):
    assume(apart(places))
    plane = plane_of(places)
    weights = weights_at(plane, x, y)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    for k, place in enumerate(places):
        if not plane.cells or any(k in cell for cell in plane.cells):
            assert weights_at(plane, *place)[k] == pytest.approx(1, abs=1e-6)


def test_where_a_cell_weighs_nothing_the_nearest_edge_counts():
    places = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.0))  # no cell of plane_of's is as flat
    plane = Plane(places, ((0, 1, 2),), ((0, 2), (2, 1)))
    assert weights_at(plane, 0.75, 0.0).tolist() == [0.0, 0.5, 0.5]


@given(some_places, unit, unit, st.floats(0, 2 * math.pi))
def test_a_small_step_is_a_small_change(places, x, y, way):
    assume(apart(places))
    plane = plane_of(places)
    step = 1e-7
    there = weights_at(plane, x + step * math.cos(way), y + step * math.sin(way))
    # anchors may be a hundredth apart, and a cell flatter still
    assert np.abs(there - weights_at(plane, x, y)).max() < 0.02
