"""Which part gets a note: the network, a chord window, rules. [audio]

Every note costs a step of the network, at most DECISIONS_PER_QUANTUM of them in one quantum; more
notes wait for the next, and when too many wait or the block's time runs out, a rule decides. With
a chord window the notes of a chord wait for each other (or sound at once and are settled) and get
distinct parts by the best sum of log-probabilities. The window ends early when every class has a
note.
"""

import numpy as np

from engine.rt.assignment import assign_closest, assign_jointly, assign_zone
from engine.rt.features import (
    mind_held_keys,
    remember_class,
    remember_note_off,
    remember_note_on,
)
from engine.rt.floor import player_struck
from engine.rt.layout import (
    BY_CLOSEST,
    BY_NETWORK,
    BY_SOURCE,
    BY_ZONES,
    CLOSE_CHORD,
    DECIDE,
    DECIDING,
    DECISIONS_PER_QUANTUM,
    DEFERRED_LIMIT,
    DIRECT,
    FREE,
    FROM_WITHIN,
    QUANTUM,
    SETTLE,
    SOUNDING,
    WAITING,
)
from engine.rt.native import rt
from engine.rt.network import go_back, keep_past, return_to_present, step
from engine.rt.notes import lift_note, move_note, new_note, sound_note
from engine.rt.queue import schedule
from engine.rt.rings import pack
from engine.rt.timing import now_ns


@rt
def note_struck(rig, source, channel, pitch, velocity):
    """A key goes down: let it sound on its part, now or with its chord. [audio]"""
    state = rig.state[0]
    player_struck(rig)
    slot = new_note(rig, source, channel, pitch, velocity)
    note = rig.notes[slot]
    if source == DIRECT:
        note.how = BY_SOURCE
        sound_note(rig, slot, channel)
        return
    state.control = 1  # whoever plays has the floor
    if state.classes == 0 or state.assigner != BY_NETWORK:
        _decide_by_rule(rig, slot)
    elif state.deferred == 0 and _may_decide(rig):
        _decide_by_network(rig, slot)
    elif state.deferred < DEFERRED_LIMIT and _decide_later(rig, slot):
        state.deferred += 1
    else:
        _decide_late(rig, slot)


@rt
def decide_deferred(rig, slot, note_id):
    """A note that waited for a step of the network gets it, or waits on. [audio]"""
    note = rig.notes[slot]
    if note.id != note_id or note.state != DECIDING:
        return
    if not _may_decide(rig) and _decide_later(rig, slot):
        return
    rig.state[0].deferred -= 1
    _decide_by_network(rig, slot)


@rt
def _decide_later(rig, slot):
    """Queue a note's decision for the next quantum; False if the queue is full. [audio]"""
    frame = (rig.state[0].frame // QUANTUM + 1) * QUANTUM
    packed = pack(DECIDE, 0, 0, 0, slot)
    return schedule(rig, frame, FROM_WITHIN, packed, np.float64(rig.notes[slot].id))


@rt
def _may_decide(rig):
    """Return whether this quantum has a step of the network left. [audio]"""
    state = rig.state[0]
    quantum = state.frame // QUANTUM
    if state.budget_quantum != quantum:
        state.budget_quantum = quantum
        state.budget = DECISIONS_PER_QUANTUM
    return state.budget > 0


@rt
def _decide_late(rig, slot):
    """Too late for the network: the rule decides. [audio]"""
    rig.stats[0].notes_late_rule += 1
    _decide_by_rule(rig, slot)


@rt
def _remember_release(rig, slot):
    """Tell the network's memory of a key that came up before its note was decided. [audio]"""
    if rig.notes[slot].off_frame >= 0:
        remember_note_off(rig.memory, rig.notes[slot].pitch)


@rt
def _decide_by_rule(rig, slot):
    """Give a note to a part by zones or by the closest last pitch. [audio]

    The network's memory learns of it, so that it knows what is held when its turn comes.
    """
    state = rig.state[0]
    note = rig.notes[slot]
    rig.stats[0].notes_rule += 1
    remember_note_on(rig.memory, note.pitch, note.on_frame)
    _remember_release(rig, slot)
    allow_classes(rig, note.pitch, rig.allowed)
    if state.assigner == BY_CLOSEST:
        note.how = BY_CLOSEST
        label = assign_closest(rig.last_pitch, note.pitch, rig.allowed)
    else:
        note.how = BY_ZONES
        label = assign_zone(note.pitch, rig.zones)
        if rig.allowed[label] == 0:
            label = assign_closest(rig.last_pitch, note.pitch, rig.allowed)
    rig.last_pitch[label] = note.pitch
    remember_class(rig.memory, note.pitch, label)
    sound_note(rig, slot, rig.class_part[label])


@rt
def _decide_by_network(rig, slot):
    """Step the network for a note and act on it, as the chord window says. [audio]"""
    state = rig.state[0]
    note = rig.notes[slot]
    if state.deadline != 0:
        spent = now_ns(rig) - state.block_start_ns
        if 2 * spent > state.block_ns:
            _decide_late(rig, slot)
            return
    state.budget -= 1
    if state.chord_window > 0:
        _close_if_struck_again(rig, note.pitch)
        if state.chord_notes == 0:
            keep_past(rig.network_state, rig.memory)
    step(rig.weights, rig.network_state, rig.memory, note.pitch, note.on_frame, rig.logp)
    _remember_release(rig, slot)
    rig.stats[0].notes_network += 1
    note.how = BY_NETWORK
    classes = state.classes
    for k in range(classes):
        note.logp[k] = rig.logp[k]
    timed = True
    if state.chord_window > 0:
        timed = _join_chord(rig, slot)
        if state.chord_mode != SETTLE:
            note.state = WAITING
    if note.state == DECIDING:
        allow_classes(rig, note.pitch, rig.allowed)
        _sound_as(rig, slot, _best_class(rig))
    if state.chord_notes >= classes or not timed:
        close_chord(rig)


@rt
def _best_class(rig):
    """Return the likeliest allowed class; rather one that costs no note of this chord. [audio]"""
    best = -1
    best_free = -1
    for k in range(rig.logp.size):
        if rig.allowed[k] == 0:
            continue
        if best < 0 or rig.logp[k] > rig.logp[best]:
            best = k
        likelier = best_free < 0 or rig.logp[k] > rig.logp[best_free]
        if likelier and not _full_of_chord(rig, rig.class_part[k]):
            best_free = k
    return best if best_free < 0 else best_free


@rt
def _full_of_chord(rig, part):
    """Return whether a note of the open chord may have to yield for one more on a part. [audio]"""
    if rig.parts[part].sounding < rig.parts[part].polyphony:
        return False
    for i in range(rig.state[0].chord_notes):
        note = rig.notes[rig.chord[i, 0]]
        if note.id == rig.chord[i, 1] and note.state == SOUNDING and note.part == part:
            return True
    return False


@rt
def _sound_as(rig, slot, label):
    """Sound a note on the part that plays a class. [audio]"""
    note = rig.notes[slot]
    note.confidence = np.exp(note.logp[label])
    rig.last_pitch[label] = note.pitch
    remember_class(rig.memory, note.pitch, label)
    sound_note(rig, slot, rig.class_part[label])


@rt
def allow_classes(rig, pitch, allowed):
    """Set allowed[k] = 1 for each class whose part can play the pitch, or comes nearest. [audio]"""
    nearest = np.int64(1) << 40
    for k in range(rig.class_part.size):
        nearest = min(nearest, _outside(rig, k, pitch))
    for k in range(rig.class_part.size):
        allowed[k] = 1 if _outside(rig, k, pitch) == nearest else 0


@rt
def _outside(rig, label, pitch):
    """Return by how many semitones a pitch lies outside the range of a class's part. [audio]"""
    part = rig.parts[rig.class_part[label]]
    return max(part.low - pitch, pitch - part.high, 0)


@rt
def _close_if_struck_again(rig, pitch):
    """A key of the open chord is struck again: that begins a new chord. [audio]"""
    for i in range(rig.state[0].chord_notes):
        if rig.notes[rig.chord[i, 0]].pitch == pitch:
            close_chord(rig)
            break


@rt
def _look_again(rig, count):
    """Take the chord's steps once more, backwards; the mean of both looks counts. [audio]

    The first look at its first note knew nothing of the others. Not done for a note alone, nor
    when half of the block's time is gone.
    """
    state = rig.state[0]
    if count < 2 or (
        state.deadline != 0 and 2 * (now_ns(rig) - state.block_start_ns) > state.block_ns
    ):
        return
    _may_decide(rig)  # these steps count too, in the quantum of now
    state.budget -= count
    go_back(rig.network_state, rig.memory)
    for i in range(count - 1, -1, -1):
        note = rig.notes[rig.chord[i, 0]]
        onset_frame = rig.notes[rig.chord[count - 1 - i, 0]].on_frame
        step(rig.weights, rig.network_state, rig.memory, note.pitch, onset_frame, rig.logp)
        for k in range(state.classes):
            note.logp[k] = 0.5 * (note.logp[k] + rig.logp[k])
    return_to_present(rig.network_state, rig.memory)


@rt
def _join_chord(rig, slot):
    """Add a note to the chord that is open, or open one; False if nothing would ever close it."""
    state = rig.state[0]
    note = rig.notes[slot]
    timed = True
    if state.chord_notes == 0:
        close = max(note.on_frame + state.chord_window, state.frame)
        packed = pack(CLOSE_CHORD, 0, 0, 0, 0)
        timed = schedule(rig, close, FROM_WITHIN, packed, np.float64(state.chord_id))
    rig.chord[state.chord_notes, 0] = slot
    rig.chord[state.chord_notes, 1] = note.id
    state.chord_notes += 1
    return timed


@rt
def close_chord(rig):
    """The chord is complete or its time is up: distinct parts for its notes, jointly. [audio]"""
    state = rig.state[0]
    count = 0
    for i in range(state.chord_notes):
        slot = rig.chord[i, 0]
        note = rig.notes[slot]
        if note.id != rig.chord[i, 1] or note.state == FREE:
            continue
        rig.chord[count, 0] = slot
        allow_classes(rig, note.pitch, rig.chord_allowed[count])
        count += 1
    state.chord_notes = 0
    state.chord_id += 1
    _look_again(rig, count)
    for i in range(count):
        note = rig.notes[rig.chord[i, 0]]
        remember_class(rig.memory, note.pitch, -1)
        for k in range(state.classes):
            rig.chord_logp[i, k] = note.logp[k]
    mind_held_keys(rig.memory, count, rig.chord_logp)
    assign_jointly(rig.chord_logp, count, rig.chord_allowed, rig.labels)
    for i in range(count):
        note = rig.notes[rig.chord[i, 0]]
        settled = note.state == SOUNDING and note.released == 0
        if settled and note.part != rig.class_part[rig.labels[i]]:
            lift_note(rig, rig.chord[i, 0])
    for i in range(count):
        slot = rig.chord[i, 0]
        note = rig.notes[slot]
        label = np.int64(rig.labels[i])
        remember_class(rig.memory, note.pitch, label)
        if note.state != WAITING:
            continue
        if note.part < 0:
            _sound_as(rig, slot, label)
        else:
            note.confidence = np.exp(note.logp[label])
            rig.last_pitch[label] = note.pitch
            move_note(rig, slot, rig.class_part[label])
