"""Where each class last was, by the network's own decisions: part of features' memory.

The notes of the current chord are open: what the network believes of each is kept, and the class
it has for now. When the next chord begins, or the chord has as many notes as there are classes,
it is revised: its notes get distinct classes by the best sum of log-probabilities, and each class
is where its note was. A note whose class was settled otherwise (the player's hand, a rule) keeps
it, so that a correction is known at the next note.

`engine.rt.features` calls these functions, on whatever thread it is called.
"""

import math

import numpy as np

from engine.rt.assignment import MAX_CLASSES, assign_jointly
from engine.rt.native import rt

KINDS = 6  # where a class is: open; last chord's, down or up; older, down; 2 or 3 chords ago; older
ABSENT_LOGP = np.float32(-1e4)
FRESH, SETTLED, RETHOUGHT = range(3)  # an open note: looked at once; for good; with its chord

FIELDS = [
    ("classes", np.int64),
    ("absent", np.int64),  # bit k: class k does not play now, so nothing is believed to be its
    ("class_pitch", np.int64, MAX_CLASSES),  # the key each class played last; -1 none yet
    ("class_chord", np.int64, MAX_CLASSES),  # the number of its chord
    ("open_notes", np.int64),
    ("open_pitch", np.int64, MAX_CLASSES),
    ("open_class", np.int64, MAX_CLASSES),  # for now; -1 none
    ("open_settled", np.int64, MAX_CLASSES),
    ("open_logp", np.float32, (MAX_CLASSES, MAX_CLASSES)),  # open note, class
    ("kept_class_pitch", np.int64, MAX_CLASSES),  # the same as of the last keep
    ("kept_class_chord", np.int64, MAX_CLASSES),
    ("kept_open_notes", np.int64),
    ("kept_open_pitch", np.int64, MAX_CLASSES),
    ("kept_open_class", np.int64, MAX_CLASSES),
    ("kept_open_settled", np.int64, MAX_CLASSES),
    ("kept_open_logp", np.float32, (MAX_CLASSES, MAX_CLASSES)),
    ("revised", np.int8, 8),  # scratch of revise
    ("free", np.uint8, (8, MAX_CLASSES)),
]


@rt
def forget_classes(memory):
    """No class has played yet. [audio]"""
    m = memory[0]
    m.open_notes = 0
    for k in range(MAX_CLASSES):
        m.class_pitch[k] = -1
        m.class_chord[k] = 0
        m.open_pitch[k] = 0
        m.open_class[k] = -1
        m.open_settled[k] = FRESH
        for i in range(MAX_CLASSES):
            m.open_logp[i, k] = 0.0
            m.free[i, k] = 0
        m.revised[k] = 0


@rt
def keep_classes(memory):
    """Keep where the classes are now, to go back to. [audio]"""
    m = memory[0]
    m.kept_open_notes = m.open_notes
    for k in range(MAX_CLASSES):
        m.kept_class_pitch[k] = m.class_pitch[k]
        m.kept_class_chord[k] = m.class_chord[k]
        m.kept_open_pitch[k] = m.open_pitch[k]
        m.kept_open_class[k] = m.open_class[k]
        m.kept_open_settled[k] = m.open_settled[k]
        for i in range(MAX_CLASSES):
            m.kept_open_logp[i, k] = m.open_logp[i, k]


@rt
def swap_classes(memory):
    """Exchange where the classes are with what was kept. [audio]"""
    m = memory[0]
    m.open_notes, m.kept_open_notes = m.kept_open_notes, m.open_notes
    for k in range(MAX_CLASSES):
        m.class_pitch[k], m.kept_class_pitch[k] = m.kept_class_pitch[k], m.class_pitch[k]
        m.class_chord[k], m.kept_class_chord[k] = m.kept_class_chord[k], m.class_chord[k]
        m.open_pitch[k], m.kept_open_pitch[k] = m.kept_open_pitch[k], m.open_pitch[k]
        m.open_class[k], m.kept_open_class[k] = m.kept_open_class[k], m.open_class[k]
        m.open_settled[k], m.kept_open_settled[k] = m.kept_open_settled[k], m.open_settled[k]
        for i in range(MAX_CLASSES):
            believed = m.open_logp[i, k]
            m.open_logp[i, k] = m.kept_open_logp[i, k]
            m.kept_open_logp[i, k] = believed


@rt
def open_note(memory, pitch):
    """A key of the current chord was struck; nothing is known of its class. [audio]

    The chord must have been revised if it had a note a class.
    """
    m = memory[0]
    i = m.open_notes
    m.open_pitch[i] = pitch
    m.open_class[i] = -1
    m.open_settled[i] = SETTLED
    m.open_notes = i + 1


@rt
def leave_out_absent(memory, logp):
    """Make the classes that do not play next to impossible, the others' sum one. [audio]"""
    m = memory[0]
    total = 0.0
    for k in range(logp.size):
        if m.absent >> k & 1 == 0:
            total += math.exp(np.float64(logp[k]))
    if m.absent == 0 or total <= 0.0:
        return
    for k in range(logp.size):
        if m.absent >> k & 1:
            logp[k] = ABSENT_LOGP
        else:
            logp[k] -= np.float32(math.log(total))


@rt
def believe(memory, logp):
    """Take note of what the network says of the note just struck: logp (K,), those absent left
    out. [audio]"""
    m = memory[0]
    i = m.open_notes - 1
    best = -1
    for k in range(logp.size):
        m.open_logp[i, k] = logp[k]
        if m.absent >> k & 1 == 0 and (best < 0 or logp[k] > logp[best]):
            best = k
    m.open_class[i] = best
    m.open_settled[i] = FRESH


@rt
def rethink(memory, pitch, logp, label, settled):
    """An open note's chord has been looked at whole: logp (K,) is believed of it now. [audio]

    It has the class `label`, for good if `settled`; otherwise more notes of the chord may come and
    it is revised with them. Of several notes of a key it is the first not yet rethought.
    """
    m = memory[0]
    found = -1
    for i in range(m.open_notes):
        if m.open_pitch[i] == pitch:
            found = i
            if m.open_settled[i] == FRESH:
                break
    if found >= 0:
        for k in range(logp.size):
            m.open_logp[found, k] = logp[k]
        m.open_class[found] = label
        m.open_settled[found] = SETTLED if settled else RETHOUGHT


@rt
def settle_last(memory, label):
    """The note just struck has its class for good, -1 none. [audio]"""
    m = memory[0]
    if m.open_notes > 0:
        m.open_class[m.open_notes - 1] = label
        m.open_settled[m.open_notes - 1] = SETTLED


@rt
def settle_last_if_other(memory, label):
    """The note just struck sounds as a class: for good, if the network has another. [audio]"""
    m = memory[0]
    if m.open_notes > 0 and m.open_class[m.open_notes - 1] != label:
        settle_last(memory, label)


@rt
def revise(memory):
    """Give the open notes distinct classes, those settled theirs; none is open then. [audio]

    What counts is which classes played when a note was struck, not which do now.
    """
    m = memory[0]
    classes = m.classes
    taken = np.int64(0)
    n = 0
    for i in range(m.open_notes):
        label = m.open_class[i]
        if m.open_settled[i] != SETTLED:
            m.open_pitch[n] = m.open_pitch[i]
            for k in range(classes):
                m.open_logp[n, k] = m.open_logp[i, k]
            n += 1
        elif label >= 0:
            m.class_pitch[label] = m.open_pitch[i]
            m.class_chord[label] = m.chord
            taken |= np.int64(1) << label
    m.open_notes = 0
    if n == 0:
        return
    for i in range(n):
        for k in range(classes):
            m.free[i, k] = 1 - (taken >> k & 1)
    labels = m.revised
    assign_jointly(m.open_logp[:, :classes], n, m.free, labels)
    for i in range(n):
        if m.open_logp[i, labels[i]] > 0.5 * ABSENT_LOGP:  # else more notes than classes play
            m.class_pitch[labels[i]] = m.open_pitch[i]
            m.class_chord[labels[i]] = m.chord


@rt
def where(memory, label, chord):
    """Return (kind, key) of where a class is as a note of `chord` is struck; kind -1: nowhere.
    [audio]"""
    m = memory[0]
    for i in range(m.open_notes - 1, -1, -1):
        if m.open_class[i] == label:
            return 0, m.open_pitch[i]
    key = m.class_pitch[label]
    if key < 0:
        return -1, key
    ago = chord - m.class_chord[label]
    held = m.held[key] > 0
    if ago == 0:
        return 0, key
    if ago == 1:
        return (1 if held else 2), key
    if held:
        return 3, key
    return (4 if ago <= 3 else 5), key
