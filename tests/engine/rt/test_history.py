"""Where each class last was: as the network is told, revised with the chord, settled by others."""

import itertools

import numpy as np
import pytest

from engine.rt import features as f
from engine.rt import history

RATE_HZ = 48000
MS = RATE_HZ // 1000
WIDTH = 2 * f.REACH + 1
NOWHERE = None


def memory_of(classes=4):
    return f.new_memory(RATE_HZ, classes)


def told(memory, pitch, ms):
    """Return what a note at `ms` is told of every class: (kind, semitones above it), or NOWHERE."""
    f.revise_chord(memory, ms * MS)
    classes = int(memory["classes"][0])
    row = np.full(f.MAX_TOKENS, -1, np.int64)
    count = f.write_features(memory, pitch, ms * MS, row)
    found = []
    for k, token in enumerate(row[count - classes : count] - f.CLASSES_WERE):
        if token >= history.KINDS * classes * WIDTH:
            assert token == history.KINDS * classes * WIDTH + k
            found.append(NOWHERE)
        else:
            assert token // WIDTH % classes == k
            found.append((int(token // WIDTH // classes), int(token % WIDTH - f.REACH)))
    return found


def strike(memory, pitch, ms, odds):
    """A key is struck and the network says this of it."""
    f.remember_note_on(memory, pitch, ms * MS)
    logp = np.log(np.array(odds, np.float32))
    history.leave_out_absent(memory, logp)
    history.believe(memory, logp)


SURE = np.eye(4) * 0.96 + 0.01  # row: the class it is sure of


def test_at_first_no_class_has_been_anywhere():
    assert told(memory_of(), 60, 0) == [NOWHERE] * 4


def test_in_its_chord_a_note_is_where_its_likeliest_class_is():
    memory = memory_of()
    strike(memory, 60, 0, SURE[2])
    strike(memory, 67, 10, SURE[0])
    assert told(memory, 64, 20) == [(0, -3), NOWHERE, (0, 4), NOWHERE]
    strike(memory, 65, 30, SURE[0])  # the later of two counts
    assert told(memory, 64, 40)[0] == (0, -1)


def test_a_chord_that_is_over_gets_distinct_classes_together():
    memory = memory_of()
    strike(memory, 72, 0, (0.6, 0.2, 0.1, 0.1))
    strike(memory, 67, 10, (0.5, 0.4, 0.05, 0.05))
    strike(memory, 48, 20, SURE[3])
    assert told(memory, 70, 500) == [(1, -2), (1, 3), NOWHERE, (1, 22)]


def test_kinds_tell_how_long_ago_and_whether_the_key_is_down():
    memory = memory_of()
    strike(memory, 48, 0, SURE[3])  # stays down
    strike(memory, 60, 0, SURE[1])
    f.remember_note_off(memory, 60)
    kinds = []
    for i in range(1, 6):
        f.remember_note_off(memory, 72)
        kinds.append([where and where[0] for where in told(memory, 72, 500 * i)])
        strike(memory, 72, 500 * i, SURE[0])
    assert kinds == [
        [NOWHERE, 2, NOWHERE, 1],
        [2, 4, NOWHERE, 3],
        [2, 4, NOWHERE, 3],
        [2, 5, NOWHERE, 3],
        [2, 5, NOWHERE, 3],
    ]


def test_far_away_is_as_far_as_reach():
    memory = memory_of()
    strike(memory, 30, 0, SURE[3])
    strike(memory, 100, 0, SURE[0])
    assert told(memory, 64, 10) == [(0, -f.REACH), NOWHERE, NOWHERE, (0, f.REACH)]


def test_with_a_note_a_class_the_chord_is_over_though_its_time_is_not():
    memory = memory_of(2)
    strike(memory, 60, 0, (0.9, 0.1))
    strike(memory, 55, 0, (0.6, 0.4))
    assert told(memory, 62, 10) == [(0, 2), (0, 7)]  # revised: the second note is the second class
    strike(memory, 62, 10, (0.3, 0.7))
    assert told(memory, 60, 20) == [(0, 0), (0, -2)]
    assert memory["chord"][0] == 1


def test_what_is_settled_stays_and_the_others_do_without_it():
    memory = memory_of()
    strike(memory, 72, 0, SURE[0])
    strike(memory, 67, 0, SURE[0])
    history.settle_last(memory, 0)  # the player said so
    strike(memory, 48, 0, SURE[3])
    assert told(memory, 70, 500) == [(1, 3), (1, -2), NOWHERE, (1, 22)]


def test_two_settled_alike_stay_alike_the_later_counts():
    memory = memory_of()
    for pitch in (72, 67):
        f.remember_note_on(memory, pitch, 0)
        history.settle_last(memory, 2)
    strike(memory, 48, 0, SURE[2])
    where = told(memory, 70, 500)
    assert where[2] == (1, 3)
    assert sorted(w for w in where if w) == [(1, 3), (1, 22)]


def test_nobodys_note_moves_no_class():
    memory = memory_of()
    strike(memory, 72, 0, SURE[0])
    history.settle_last(memory, -1)
    assert told(memory, 70, 10) == [NOWHERE] * 4
    f.remember_note_on(memory, 60, 20 * MS)  # no network, no rule
    assert told(memory, 70, 500) == [NOWHERE] * 4


def test_a_class_the_network_does_not_want_is_settled_another_one_is_not():
    memory = memory_of()
    strike(memory, 72, 0, (0.58, 0.4, 0.01, 0.01))
    history.settle_last_if_other(memory, 0)
    assert memory["open_settled"][0, 0] == history.FRESH
    strike(memory, 67, 0, SURE[2])
    history.settle_last_if_other(memory, 0)
    assert told(memory, 70, 500) == [(1, 3), (1, -2), NOWHERE, NOWHERE]


def test_of_a_key_struck_twice_the_first_is_rethought_first():
    memory = memory_of()
    for _ in range(2):
        strike(memory, 62, 0, SURE[1])
    believed = np.log(SURE.astype(np.float32))
    history.rethink(memory, 62, believed[1], 1, False)
    history.rethink(memory, 62, believed[2], 2, False)
    history.rethink(memory, 99, believed[3], 3, False)  # not of this chord
    assert memory["open_class"][0, :2].tolist() == [1, 2]
    assert told(memory, 60, 500) == [NOWHERE, (1, -2), (1, -2), NOWHERE]


def test_what_a_rule_of_doubt_gives_is_for_good():
    memory = memory_of()
    strike(memory, 62, 0, SURE[1])
    history.rethink(memory, 62, np.log(SURE[1].astype(np.float32)), 3, True)
    strike(memory, 48, 20, SURE[3])
    assert told(memory, 60, 500)[3] == (1, -2)


def test_of_classes_that_do_not_play_nothing_is_believed():
    memory = memory_of()
    memory["absent"] = 0b0011
    strike(memory, 72, 0, (0.5, 0.3, 0.15, 0.05))
    strike(memory, 67, 0, (0.5, 0.3, 0.15, 0.05))
    assert told(memory, 70, 10) == [NOWHERE, NOWHERE, (0, 3), NOWHERE]
    strike(memory, 64, 0, (0.5, 0.3, 0.1, 0.1))  # one more than there are classes for
    assert told(memory, 70, 500) == [NOWHERE, NOWHERE, (1, 3), (1, 6)]
    memory["absent"] = 0
    assert told(memory, 70, 500) == [NOWHERE, NOWHERE, (1, 3), (1, 6)]


def test_a_key_struck_twice_in_a_chord_is_rethought_note_by_note():
    memory = memory_of()
    strike(memory, 62, 0, SURE[2])
    strike(memory, 62, 0, SURE[2])
    for label in (0, 1):
        history.rethink(memory, 62, np.log(SURE[label].astype(np.float32)), label, False)
    assert told(memory, 60, 10) == [(0, -2), (0, -2), NOWHERE, NOWHERE]


def test_what_a_class_played_before_it_was_taken_out_stays_its():
    memory = memory_of()
    strike(memory, 72, 0, SURE[0])
    strike(memory, 48, 0, SURE[3])
    memory["absent"] = 0b1000  # before the chord is over
    assert told(memory, 60, 500) == [(1, -12), NOWHERE, NOWHERE, (1, 12)]


def test_what_is_decided_with_a_chord_is_believed_better_but_may_be_revised():
    memory = memory_of()
    strike(memory, 62, 0, SURE[1])
    strike(memory, 67, 0, SURE[1])
    history.rethink(memory, 62, np.log(np.array((0.01, 0.3, 0.6, 0.09), np.float32)), 2, False)
    assert told(memory, 60, 10) == [NOWHERE, (0, -7), (0, -2), NOWHERE]
    strike(memory, 48, 20, SURE[2])
    history.rethink(memory, 67, np.log(SURE[0].astype(np.float32)), 0, False)
    assert told(memory, 60, 500) == [(1, -7), (1, -2), (1, 12), NOWHERE]


def test_the_second_look_hears_a_chord_that_is_empty_again():
    memory = memory_of()
    strike(memory, 72, 0, SURE[0])
    f.keep_memory(memory)
    before = told(memory.copy(), 60, 500)
    strike(memory, 64, 500, SURE[1])
    strike(memory, 60, 510, SURE[2])
    now = told(memory.copy(), 62, 520)
    f.swap_memory(memory)
    assert told(memory, 60, 500) == before
    strike(memory, 60, 500, SURE[3])
    f.swap_memory(memory)
    assert told(memory, 62, 520) == now == [(1, -10), (0, -2), (0, 2), NOWHERE]


class Plain:
    """The same history with lists and every ordering tried."""

    def __init__(self, classes):
        self.classes, self.was, self.open = classes, {}, []
        self.number, self.start = 0, None

    def note(self, pitch, ms, down, logp):
        """Return what the note is told, then take note of it."""
        new = self.start is None or ms - self.start > 45
        if new or len(self.open) == self.classes:
            self._revise()
        if new:
            self.number, self.start = self.number + 1, ms
        where = [self._of(k, pitch, down) for k in range(self.classes)]
        self.open.append((pitch, logp))
        return where

    def _of(self, k, pitch, down):
        key, kind = None, 0
        if k in self.was:
            key, number = self.was[k]
            ago = self.number - number
            held = down.get(key, 0) > 0
            kind = 0 if ago == 0 else (1 if held else 2) if ago == 1 else 3 if held else 4
            kind += kind == 4 and ago > 3
        for open_key, logp in self.open:
            if int(np.argmax(logp)) == k:
                key, kind = open_key, 0
        return NOWHERE if key is None else (kind, int(np.clip(pitch - key, -f.REACH, f.REACH)))

    def _revise(self):
        def worth(order):
            return sum(logp[k] for (_, logp), k in zip(self.open, order, strict=True))

        orders = itertools.permutations(range(self.classes), len(self.open))
        for (key, _), k in zip(self.open, max(orders, key=worth), strict=True):
            self.was[k] = (key, self.number)
        self.open = []


@pytest.mark.parametrize("classes", [2, 3, 4, 6])
def test_it_is_the_history_written_plainly(classes):
    random = np.random.default_rng(classes)
    memory, plain = memory_of(classes), Plain(classes)
    down: dict[int, int] = {}
    ms = 0
    for _ in range(400):
        ms += int(random.choice([0, 3, 15, 40, 200, 700]))
        pitch = int(random.integers(30, 100))
        logp = random.normal(size=classes).astype(np.float32)
        assert told(memory, pitch, ms) == plain.note(pitch, ms, down, logp)
        f.remember_note_on(memory, pitch, ms * MS)
        history.believe(memory, logp)
        down[pitch] = down.get(pitch, 0) + 1
        for key in [key for key in down if random.random() < 0.3]:
            down[key] -= 1
            f.remember_note_off(memory, key)
            if down[key] == 0:
                del down[key]


def test_what_does_not_play_has_no_share():
    memory = memory_of()
    memory["absent"] = 0b0110
    logp = np.log(np.array([0.2, 0.5, 0.1, 0.2], np.float32))
    history.leave_out_absent(memory, logp)
    np.testing.assert_allclose(np.exp(logp), [0.5, 0, 0, 0.5], atol=1e-6)


@pytest.mark.parametrize("absent", [0, 0b1111])
def test_if_all_play_or_none_the_shares_stay(absent):
    memory = memory_of()
    memory["absent"] = absent
    logp = np.log(np.array([0.2, 0.5, 0.1, 0.2], np.float32))
    history.leave_out_absent(memory, logp)
    np.testing.assert_allclose(np.exp(logp), [0.2, 0.5, 0.1, 0.2], atol=1e-6)
