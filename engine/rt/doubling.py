"""A note on several parts at once: doubling, and the tutti of a note in doubt. [audio]

A part may double another at the unison or some octaves away. What sounds on it then is a note of
its own (with its part, destination and id), begun with the doubled one and ended with it: by its
key, its pedal, or because it had to yield. What doubles is not doubled again; out of the doubling
part's range, or where that part has the very note already, nothing is doubled.
"""

from engine.rt.hints import plays
from engine.rt.layout import BY_DOUBLING, MAX_NOTES, MAX_PARTS, SOUNDING
from engine.rt.native import rt
from engine.rt.notes import sound_note, take_slot, tell_part


@rt
def play_note(rig, slot, part):
    """Let a note sound on a part from this frame on, and on the parts that double it. [audio]"""
    sound_note(rig, slot, part)
    double_note(rig, slot)


@rt
def double_note(rig, slot):
    """Begin what doubles a note that has begun or moved at this frame. [audio]"""
    part = rig.notes[slot].part
    for index in range(MAX_PARTS):
        if rig.parts[index].doubles == part + 1 and plays(rig, index):
            _begin(rig, slot, index, rig.notes[slot].pitch + 12 * rig.parts[index].double_octaves)


@rt
def play_tutti(rig, slot):
    """Let every part of the network's that plays and has the key sound a note too. [audio]"""
    for k in range(rig.class_part.size):
        index = rig.class_part[k]
        if 0 <= index != rig.notes[slot].part and plays(rig, index):
            _begin(rig, slot, index, rig.notes[slot].pitch)


@rt
def press_doubles(rig, slot, status, pressure):
    """Tell the parts that double a note of its key's pressure. [audio]"""
    if rig.notes[slot].doubles == 0:
        return
    for i in range(rig.state[0].live):
        other = rig.notes[rig.live[i]]
        if other.parent == rig.notes[slot].id and other.state >= SOUNDING:
            tell_part(rig, other.part, status, other.pitch, pressure)


@rt
def _begin(rig, slot, index, pitch):
    """Begin a note on a part with another note. [audio]"""
    parent = rig.notes[slot]
    part = rig.parts[index]
    if parent.state < SOUNDING or parent.released != 0 or rig.state[0].live == MAX_NOTES:
        return
    if not part.low <= pitch <= part.high or _sounds(rig, index, pitch):
        return
    if index == parent.part and part.sounding >= part.polyphony:
        return  # the note itself would have to yield
    other = take_slot(rig, parent.source, parent.channel, pitch, parent.velocity)
    note = rig.notes[other]
    note.parent = parent.id
    note.how = BY_DOUBLING
    note.on_frame = parent.on_frame
    note.confidence = parent.confidence
    parent.doubles += 1
    sound_note(rig, other, index)


@rt
def _sounds(rig, index, pitch):
    """Return whether a part sounds a key now. [audio]"""
    for i in range(rig.state[0].live):
        note = rig.notes[rig.live[i]]
        if note.part == index and note.pitch == pitch and note.state >= SOUNDING:
            return True
    return False
