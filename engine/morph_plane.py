"""The plane of a morph sound: its cells, and what weights its anchors have at a place. [main]

The anchors' Delaunay triangulation, triangles on one circle taken together: convex cells with the
anchors as their corners. `weights_at` is the reference of what `engine.rt.pad` reckons in the
callback, and says the same to whoever draws the plane.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FLAT = 1e-5  # how far from the line through two anchors a third still lies on it
SAME_CIRCLE = 1e-7  # and how far from a circle on it: less, or three on a line would share one

Places = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plane:
    """Anchors, the cells they make, and the edges of what the cells cover. [any]

    Without cells (one or two anchors, or all on a line) the edges are the line through them.
    """

    places: tuple[tuple[float, float], ...]
    cells: tuple[tuple[int, ...], ...]  # each against the clock
    edges: tuple[tuple[int, int], ...]


def plane_of(places: Places) -> Plane:
    """Cut the plane into cells. [any]"""
    found: set[tuple[int, ...]] = set()
    for three in itertools.combinations(range(len(places)), 3):
        cell = _cell(places, three)
        if cell:
            found.add(cell)
    cells = tuple(sorted(found))
    sides = [side for cell in cells for side in zip(cell, (*cell[1:], cell[0]), strict=True)]
    counts = Counter(frozenset(side) for side in sides)
    edges = tuple(side for side in sides if counts[frozenset(side)] == 1)
    return Plane(tuple(places), cells, edges) if edges else Plane(tuple(places), (), _line(places))


def weights_at(plane: Plane, x: float, y: float) -> np.ndarray:
    """The anchors' weights (anchors,) float64 at a place; their sum is one. [any]"""
    weights = np.zeros(len(plane.places))
    if len(plane.places) == 1:
        weights[0] = 1.0
        return weights
    for cell in plane.cells:
        areas = [
            _side(plane.places[one], plane.places[other], (x, y))
            for one, other in zip(cell, (*cell[1:], cell[0]), strict=True)
        ]
        if min(areas) < -1e-9:
            continue
        weights[:] = 0.0
        for i, anchor in enumerate(cell):
            before, after = cell[i - 1], cell[(i + 1) % len(cell)]
            own = _side(plane.places[before], plane.places[anchor], plane.places[after])
            skip = (i, (i - 1) % len(cell))  # the edges it is on
            others = [max(area, 0.0) for j, area in enumerate(areas) if j not in skip]
            weights[anchor] = own * math.prod(others)
        if weights.sum() > 0:
            return weights / weights.sum()
    weights[:] = 0.0
    one, other, share = min(
        (_nearest(plane, edge, x, y) for edge in plane.edges), key=lambda found: found[1]
    )[0]
    weights[one], weights[other] = 1.0 - share, share
    return weights


def _nearest(
    plane: Plane, edge: tuple[int, int], x: float, y: float
) -> tuple[tuple[int, int, float], float]:
    (ax, ay), (bx, by) = plane.places[edge[0]], plane.places[edge[1]]
    dx, dy = bx - ax, by - ay
    share = min(max(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    return (*edge, share), (ax + share * dx - x) ** 2 + (ay + share * dy - y) ** 2


def _side(one: tuple[float, float], other: tuple[float, float], at: tuple[float, float]) -> float:
    """Twice the area between two places and a third; above 0 to the left."""
    return (other[0] - one[0]) * (at[1] - one[1]) - (other[1] - one[1]) * (at[0] - one[0])


def _cell(places: Places, three: tuple[int, ...]) -> tuple[int, ...]:
    """All anchors on the circle through three, against the clock; () if one lies inside it."""
    a, b, c = (places[k] for k in three)
    area = _side(a, b, c)
    sides = math.dist(a, b), math.dist(b, c), math.dist(c, a)
    if abs(area) < FLAT * max(sides):
        return ()
    scale = math.copysign(math.prod(sides), area)
    depths = [_in_circle(a, b, c, place) / scale for place in places]
    if max(depths) > SAME_CIRCLE:
        return ()
    on = [k for k, depth in enumerate(depths) if depth >= -SAME_CIRCLE]
    middle = np.mean([places[k] for k in on], axis=0)
    on.sort(key=lambda k: math.atan2(places[k][1] - middle[1], places[k][0] - middle[0]))
    first = on.index(min(on))
    return tuple(on[first:] + on[:first])


def _in_circle(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], at: tuple[float, float]
) -> float:
    """Near the circle through three places: how deep in it a place lies, times the three sides.

    Below 0 outside, and the other way round if a, b, c go with the clock.
    """
    (ax, ay), (bx, by), (cx, cy) = ((x - at[0], y - at[1]) for x, y in (a, b, c))
    return (
        (ax * ax + ay * ay) * (bx * cy - cx * by)
        - (bx * bx + by * by) * (ax * cy - cx * ay)
        + (cx * cx + cy * cy) * (ax * by - bx * ay)
    )


def _line(places: Places) -> tuple[tuple[int, int], ...]:
    """The way along anchors that lie on a line."""
    if len(places) == 1:
        return ()
    ends = max(
        itertools.combinations(range(len(places)), 2),
        key=lambda pair: math.dist(places[pair[0]], places[pair[1]]),
    )
    order = sorted(range(len(places)), key=lambda k: math.dist(places[k], places[ends[0]]))
    return tuple(itertools.pairwise(order))
