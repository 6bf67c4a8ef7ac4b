"""Which part gets a note: the network, a chord window, rules. [audio]

Every note costs a step of the network, at most DECISIONS_PER_QUANTUM of them in one quantum; more
notes wait for the next, and when too many wait or the block's time runs out, a rule decides. With
a chord window the notes of a chord wait for each other (or sound at once and are settled) and get
distinct parts by the best sum of log-probabilities. The window ends early when every class has a
note.
"""

import numpy as np

from engine.rt.assignment import (
    assign_closest,
    assign_jointly,
    assign_zone,
    chance_of,
    mirrored,
    order_strikes,
    weigh_jointly,
)
from engine.rt.doubling import double_note, play_note, play_tutti
from engine.rt.features import (
    mind_held_keys,
    remember_class,
    remember_note_off,
    remember_note_on,
)
from engine.rt.floor import player_struck
from engine.rt.hints import absent_classes, is_out, lean_home, part_by_hand, playing_classes
from engine.rt.history import rethink, settle_last, settle_last_if_other
from engine.rt.layout import (
    BY_CLOSEST,
    BY_DOUBT,
    BY_HAND,
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
    LAST_PART,
    NEAREST,
    QUANTUM,
    SETTLE,
    SOUNDING,
    TRUST,
    TUTTI,
    WAITING,
)
from engine.rt.native import rt
from engine.rt.network import go_back, keep_past, return_to_present, step, temperature_of
from engine.rt.notes import lift_note, move_note, new_note, sound_note
from engine.rt.queue import schedule
from engine.rt.rings import pack
from engine.rt.timing import now_ns

NOBODY = 128  # semitones out of the range of whoever plays a class that no part has
OUT_LOGP = np.float32(-1e6)  # so unlikely that nothing outweighs it


@rt
def note_struck(rig, source, channel, pitch, velocity):
    """A key goes down: let it sound on its part, now or with its chord. [audio]"""
    state = rig.state[0]
    player_struck(rig)
    if source == DIRECT:
        slot = new_note(rig, source, channel, pitch, velocity)
        rig.notes[slot].how = BY_SOURCE
        sound_note(rig, slot, channel)
        return
    state.control = 1  # whoever plays has the floor
    wanted = part_by_hand(rig, channel, pitch)
    if wanted < 0 and playing_classes(rig) == 0:
        return
    slot = new_note(rig, source, channel, pitch, velocity)
    rig.memory[0].absent = absent_classes(rig)
    if wanted >= 0:
        _decide_by_hand(rig, slot, wanted)
    elif state.classes == 0 or state.assigner != BY_NETWORK:
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
def _is_late(rig):
    """Return whether half of the block's time is gone. [audio]"""
    state = rig.state[0]
    return state.deadline != 0 and 2 * (now_ns(rig) - state.block_start_ns) > state.block_ns


@rt
def _decide_by_hand(rig, slot, part):
    """The player said where a note goes: at once. The network hears of it, if it has time; the
    history of classes in any case."""
    state = rig.state[0]
    note = rig.notes[slot]
    note.how = BY_HAND
    rig.stats[0].notes_hand += 1
    network = state.classes > 0 and state.assigner == BY_NETWORK and state.deferred == 0
    if network and _may_decide(rig) and not _is_late(rig):
        state.budget -= 1
        step(rig.weights, rig.network_state, rig.memory, note.pitch, note.on_frame, rig.logp)
    else:
        remember_note_on(rig.memory, note.pitch, note.on_frame)
        rig.logp[:] = np.float32(0.0)
    label = -1
    for k in range(rig.class_part.size):
        if rig.class_part[k] == part and (label < 0 or rig.logp[k] > rig.logp[label]):
            label = k
    remember_class(rig.memory, note.pitch, label)
    settle_last(rig.memory, label)
    if label >= 0:
        _settle_on(rig, note.pitch, label)
    play_note(rig, slot, part)


@rt
def _settle_on(rig, pitch, label):
    """A class plays a key of the player's for good. [audio]"""
    rig.last_pitch[label] = pitch
    rig.state[0].last_label = label + 1


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
    _settle_on(rig, note.pitch, label)
    remember_class(rig.memory, note.pitch, label)
    settle_last(rig.memory, label)
    play_note(rig, slot, rig.class_part[label])


@rt
def _decide_by_network(rig, slot):
    """Step the network for a note and act on it, as the chord window says. [audio]"""
    state = rig.state[0]
    note = rig.notes[slot]
    if _is_late(rig):
        _decide_late(rig, slot)
        return
    state.budget -= 1
    if state.chord_window > 0:
        _close_if_struck_again(rig, slot)
        if state.chord_notes == 0:
            keep_past(rig.network_state, rig.memory)
    step(rig.weights, rig.network_state, rig.memory, note.pitch, note.on_frame, rig.logp)
    lean_home(rig, note.pitch, rig.logp)
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
        label = _best_class(rig, note.pitch)
        in_doubt = state.chord_window == 0 and _is_in_doubt(rig, _chance_alone(rig, slot, label))
        if in_doubt:
            label = _rule_of_doubt(rig, slot, label)
        settle_last_if_other(rig.memory, label)
        remember_class(rig.memory, note.pitch, label)
        _sound_as(rig, slot, label, _chance_alone(rig, slot, label))
        if in_doubt and state.low_confidence == TUTTI:
            play_tutti(rig, slot)
    if state.chord_notes >= max(playing_classes(rig), 1) or not timed:
        close_chord(rig)


@rt
def _chance_alone(rig, slot, label):
    """Return how likely a class is for a note by itself. [audio]"""
    logp = rig.notes[slot].logp[: rig.state[0].classes]
    return chance_of(logp, label, temperature_of(rig.weights, False))


@rt
def _is_in_doubt(rig, chance):
    """Return whether the low-confidence rule holds for a note so sure of its class. [audio]"""
    state = rig.state[0]
    return state.low_confidence != TRUST and chance < state.confidence


@rt
def _rule_of_doubt(rig, slot, label):
    """Return the class that a note in doubt gets instead, of those in rig.allowed. [audio]"""
    state = rig.state[0]
    rig.notes[slot].how = BY_DOUBT
    if state.low_confidence == NEAREST:
        return np.int64(assign_closest(rig.last_pitch, rig.notes[slot].pitch, rig.allowed))
    last = state.last_label - 1
    if state.low_confidence == LAST_PART and last >= 0 and rig.allowed[last] != 0:
        return last
    return np.int64(label)


@rt
def _best_class(rig, pitch):
    """Return the likeliest allowed class; rather one that costs no note of this chord. [audio]"""
    best = -1
    best_free = -1
    for k in range(rig.logp.size):
        if rig.allowed[k] == 0:
            continue
        if best < 0 or rig.logp[k] > rig.logp[best]:
            best = k
        likelier = best_free < 0 or rig.logp[k] > rig.logp[best_free]
        if likelier and not _full_of_chord(rig, rig.class_part[k], pitch):
            best_free = k
    return best if best_free < 0 else best_free


@rt
def _full_of_chord(rig, part, pitch):
    """Return whether a note of the open chord may have to yield to a key on a part. [audio]

    Because the part has no voice left, or because the note is of the same key.
    """
    full = rig.parts[part].sounding >= rig.parts[part].polyphony
    for i in range(rig.state[0].chord_notes):
        note = rig.notes[rig.chord[i, 0]]
        sounds = note.id == rig.chord[i, 1] and note.state == SOUNDING and note.part == part
        if sounds and (full or note.pitch == pitch):
            return True
    return False


@rt
def _sound_as(rig, slot, label, chance):
    """Sound a note on the part that plays a class, so likely its own. [audio]"""
    note = rig.notes[slot]
    note.confidence = chance
    _settle_on(rig, note.pitch, label)
    play_note(rig, slot, rig.class_part[label])


@rt
def allow_classes(rig, pitch, allowed):
    """Set allowed[k] = 1 for each class whose part can play the pitch, or comes nearest. [audio]

    Parts that have been taken out are not asked, unless all of them have been.
    """
    nearest = np.int64(1) << 40
    anyone = playing_classes(rig) == 0
    for k in range(rig.class_part.size):
        if anyone or not is_out(rig, k):
            nearest = min(nearest, _outside(rig, k, pitch))
    for k in range(rig.class_part.size):
        asked = anyone or not is_out(rig, k)
        allowed[k] = 1 if asked and _outside(rig, k, pitch) == nearest else 0


@rt
def _outside(rig, label, pitch):
    """Return by how many semitones a pitch lies outside the range of a class's part. [audio]"""
    if rig.class_part[label] < 0:
        return np.int64(NOBODY)
    part = rig.parts[rig.class_part[label]]
    return max(part.low - pitch, pitch - part.high, 0)


@rt
def _close_if_struck_again(rig, slot):
    """A key of the open chord is struck again: that begins a new chord. [audio]

    Not if at the same frame: then two parts that share the key come in together.
    """
    note = rig.notes[slot]
    for i in range(rig.state[0].chord_notes):
        other = rig.notes[rig.chord[i, 0]]
        if rig.chord[i, 2] == note.pitch and other.on_frame != note.on_frame:
            close_chord(rig)
            break


@rt
def _look_again(rig, count):
    """Take the chord's steps once more, backwards; the mean of both looks counts. [audio]

    The first look at its first note knew nothing of the others. Not done for a note alone, nor
    when half of the block's time is gone.
    """
    state = rig.state[0]
    if count < 2 or _is_late(rig):
        return
    _may_decide(rig)  # these steps count too, in the quantum of now
    state.budget -= count
    keys = rig.chord[:count, 2]
    go_back(rig.network_state, rig.memory)
    for i in range(count - 1, -1, -1):
        note = rig.notes[rig.chord[i, 0]]
        onset_frame = rig.notes[rig.chord[count - 1 - i, 0]].on_frame
        step(rig.weights, rig.network_state, rig.memory, note.pitch, onset_frame, rig.logp)
        lean_home(rig, note.pitch, rig.logp)
        meant = rig.notes[rig.chord[mirrored(keys, i), 0]]
        for k in range(state.classes):
            meant.logp[k] = 0.5 * (meant.logp[k] + rig.logp[k])
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
    rig.chord[state.chord_notes, 2] = note.pitch
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
        rig.chord[count, 2] = note.pitch
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
    _keep_out(rig, count)
    assign_jointly(rig.chord_logp, count, rig.chord_allowed, rig.labels)
    temperature = temperature_of(rig.weights, True)
    allowed, chances = rig.chord_allowed, rig.chord_chances
    weigh_jointly(rig.chord_logp, count, allowed, rig.labels, temperature, chances)
    order_strikes(rig.chord[:count, 2], rig.labels)
    for i in range(count):
        _look_at_label(rig, count, i)
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
        for k in range(state.classes):
            if rig.chord_allowed[i, k] == 0:
                rig.chord_logp[i, k] = OUT_LOGP  # nor is it to be believed later
        rethink(rig.memory, note.pitch, rig.chord_logp[i], label, note.how == BY_DOUBT)
        if note.state != WAITING:
            if note.how == BY_DOUBT and state.low_confidence == TUTTI:
                play_tutti(rig, slot)
            continue
        if note.part < 0:
            _sound_as(rig, slot, label, chances[i, label])
        else:
            note.confidence = chances[i, label]
            _settle_on(rig, note.pitch, label)
            move_note(rig, slot, rig.class_part[label])
            double_note(rig, slot)
        if note.how == BY_DOUBT and state.low_confidence == TUTTI:
            play_tutti(rig, slot)


@rt
def _keep_out(rig, count):
    """Make the classes of parts that have been taken out impossible for a chord. [audio]"""
    if playing_classes(rig) == 0:
        return
    for k in range(rig.class_part.size):
        if is_out(rig, k):
            for i in range(count):
                rig.chord_logp[i, k] = OUT_LOGP


@rt
def _look_at_label(rig, count, i):
    """Let a chord's note have another class if its own has gone out, or is in doubt. [audio]

    No rule gives it a class that another note of its chord has.
    """
    slot = rig.chord[i, 0]
    label = np.int64(rig.labels[i])
    for k in range(rig.allowed.size):
        rig.allowed[k] = rig.chord_allowed[i, k]
    if rig.chord_logp[i, label] <= OUT_LOGP:  # more notes than parts that play
        for k in range(rig.logp.size):
            rig.logp[k] = rig.chord_logp[i, k]
        label = np.int64(_best_class(rig, rig.chord[i, 2]))
    elif _is_in_doubt(rig, rig.chord_chances[i, label]):
        for j in range(count):
            if j != i:
                rig.allowed[rig.labels[j]] = 0
        rig.allowed[label] = 1
        label = _rule_of_doubt(rig, slot, label)
    rig.labels[i] = label
