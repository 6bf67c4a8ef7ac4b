"""How soon a plan came is told of note-ons that got one, by somebody who was looking."""

import pytest

from tests.bench.planning import Watching

MS = 1_000_000


def test_a_plan_counts_from_its_note() -> None:
    watching = Watching()
    watching.look(10 * MS, [(1, 9 * MS)], [])
    for ms in (11, 12, 13):
        watching.look(ms * MS, [], [])
    watching.look(14 * MS, [], [1])
    watching.look(15 * MS, [], [1])  # drawn anew for the same notes
    found = watching.figures()
    assert (found["plans"], found["planned_p50_ms"]) == (1, 5.0)
    assert (found["without_a_plan"], found["unseen"]) == (0, 0)


def test_of_notes_struck_together_the_last_gets_a_plan() -> None:
    watching = Watching()
    watching.look(10 * MS, [(1, 10 * MS), (2, 10 * MS)], [])
    watching.look(11 * MS, [(3, 11 * MS)], [2])
    watching.look(12 * MS, [], [3])
    found = watching.figures()
    assert (found["plans"], found["without_a_plan"], found["planned_p100_ms"]) == (1, 2, 1.0)


def test_a_plan_seen_before_its_note_counts_from_when_it_was_seen() -> None:
    watching = Watching()
    watching.look(10 * MS, [], [])
    watching.look(11 * MS, [], [5])
    watching.look(12 * MS, [(5, 9 * MS)], [])
    watching.look(300 * MS, [], [5])
    assert watching.figures()["planned_p100_ms"] == 2.0


def test_what_came_while_nobody_looked_is_not_counted() -> None:
    watching = Watching()
    watching.look(10 * MS, [(1, 10 * MS)], [])
    watching.look(80 * MS, [], [1])
    with pytest.raises(RuntimeError, match="no plan was made"):
        watching.figures()
    assert watching.unseen == 1
