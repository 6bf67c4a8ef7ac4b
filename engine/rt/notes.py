"""Notes and the parts that play them: sounding, ending, pedals, controllers, panic. [audio]

A note remembers which part and destination it sounds on, so its end always follows its beginning,
whatever was changed in between. A key struck and released with a delay (chord window) keeps its
length: the release is delayed by as much as the onset was.
"""

import numpy as np

from engine.rt.chains import instrument_plays, panic_chains, send_midi
from engine.rt.features import remember_note_off
from engine.rt.fluid import queue_fluid
from engine.rt.heard import forget_past, heard_move, heard_off, heard_on, plan_note_ended
from engine.rt.hints import forget_switches, release_switches
from engine.rt.layout import (
    BANK_VOICES,
    CONTROLLER,
    DECIDING,
    DELAY_BINS,
    DIRECT,
    FLUID_BEND,
    FLUID_CC,
    FLUID_KEY_PRESSURE,
    FLUID_NOTE_OFF,
    FLUID_NOTE_ON,
    FLUID_PRESSURE,
    FLUID_SOUNDS_OFF,
    FREE,
    FROM_WITHIN,
    MAX_NOTES,
    MAX_PARTS,
    MORPH,
    MOVED,
    NOTE_OFF,
    NOTE_ON,
    PANICKED,
    PLANNED,
    PLUGIN,
    RELEASE,
    SOUNDFONT,
    SOUNDING,
    SUSTAIN_PEDAL,
    SUSTAINED,
    WAITING,
)
from engine.rt.midi_out import panic_out, part_out, still_out, strike_out
from engine.rt.mixer import PLAYED, aim_strip
from engine.rt.morph import kill_morphs, move_morph, release_morph, start_morph
from engine.rt.native import rt
from engine.rt.network import reset_network
from engine.rt.pad import pad_struck
from engine.rt.queue import schedule
from engine.rt.results import emit
from engine.rt.rings import pack
from engine.rt.voices import crossfade_voice, kill_voices, release_voice, start_voice

# Controllers a part is told of when it next sounds, if they have moved since: modulation, breath,
# foot, volume, expression, portamento, sostenuto, soft pedal, resonance to brightness.
FOLLOWED = (1, 2, 4, 7, 11, 65, 66, 67, 71, 72, 73, 74)
BEND_CENTRE = 8192
NOBODY = np.float32(0.0)


@rt
def new_note(rig, source, channel, pitch, velocity):
    """Return the slot of a key's new note without a part; the oldest yields if none is free."""
    if rig.state[0].live == MAX_NOTES:
        end_note(rig, _oldest(rig, -1))
    slot = take_slot(rig, source, channel, pitch, velocity)
    rig.held[source, channel, pitch] = slot + 1
    return slot


@rt
def take_slot(rig, source, channel, pitch, velocity):
    """Return the slot of a new note that no key holds; one must be free. [audio]"""
    state = rig.state[0]
    slot = state.next_note & (MAX_NOTES - 1)
    while rig.notes[slot].state != FREE:
        slot = (slot + 1) & (MAX_NOTES - 1)
    note = rig.notes[slot]
    note.id = state.next_note
    state.next_note += 1
    note.state = DECIDING
    note.source = source
    note.channel = channel
    note.pitch = pitch
    note.velocity = velocity
    note.part = -1
    note.on_frame = state.frame
    note.off_frame = -1
    note.released = 0
    note.how = 0
    note.out = 0
    note.confidence = 1.0
    note.parent = -1
    note.doubles = 0
    rig.live[state.live] = slot
    state.live += 1
    if source != PLANNED:
        rig.floor[0].player_notes += 1
    return slot


@rt
def _oldest(rig, part):
    """Return the slot of the oldest sounding note of a part; of any note for -1. [audio]"""
    best = -1
    for i in range(rig.state[0].live):
        slot = rig.live[i]
        note = rig.notes[slot]
        if part >= 0 and (note.part != part or note.state < SOUNDING):
            continue
        if best < 0 or note.id < rig.notes[best].id:
            best = slot
    return best


@rt
def sound_note(rig, slot, part):
    """Let a note sound on a part from this frame on. [audio]"""
    state = rig.state[0]
    note = rig.notes[slot]
    _make_room(rig, slot, part)
    note.part = part
    note.state = SOUNDING
    note.sound_frame = state.frame
    note.destination = _destination(rig, part)
    _count_on(rig, part)
    if note.source < DIRECT:
        follow_controllers(rig, part)
    _strike(rig, slot)
    delay = state.frame - note.on_frame
    if note.source != PLANNED:
        rig.stats[0].delay[min(delay, DELAY_BINS - 1)] += 1
    heard_on(rig, slot)
    emit(rig, NOTE_ON, part, note.id, delay, note.confidence, note.pitch, note.velocity, note.how)
    if note.off_frame >= 0:
        _release_later(rig, slot, note.off_frame + delay)


@rt
def _destination(rig, part):
    """Return where a note struck now on a part sounds: its instrument chain, if it runs. [audio]"""
    return PLUGIN if instrument_plays(rig, part) else rig.parts[part].destination


@rt
def _count_on(rig, part):
    """One note more sounds on a part. [audio]"""
    rig.parts[part].sounding += 1
    if rig.parts[part].used != 0:
        rig.parts[part].used = PLAYED


@rt
def _make_room(rig, slot, part):
    """End what a new note replaces: the same key on this part, and the oldest beyond its limit."""
    pitch = rig.notes[slot].pitch
    i = 0
    while i < rig.state[0].live:
        other = rig.live[i]
        note = rig.notes[other]
        if other != slot and note.part == part and note.pitch == pitch and note.state >= SOUNDING:
            i = _end_in_loop(rig, i)
        else:
            i += 1
    while rig.parts[part].sounding >= rig.parts[part].polyphony:
        oldest = _oldest(rig, part)
        if oldest < 0:
            break
        end_note(rig, oldest)


@rt
def _strike(rig, slot):
    """Start a note at its destination. [audio]"""
    note = rig.notes[slot]
    strike_out(rig, slot)
    if note.destination == SOUNDFONT:
        queue_fluid(rig, FLUID_NOTE_ON, note.part, note.pitch, note.velocity)
    elif note.destination == BANK_VOICES:
        bank = rig.parts[note.part].bank
        if not start_voice(rig, note.part, bank, note.id, note.pitch, note.velocity):
            rig.stats[0].refused_notes += 1
    elif note.destination == MORPH:
        pad_struck(rig, note.part, note.pitch, note.velocity)
        if not start_morph(rig, note.part, note.id, note.pitch, note.velocity):
            rig.stats[0].refused_notes += 1
    elif note.destination == PLUGIN:
        send_midi(rig, note.part, 0x90, note.pitch, note.velocity)


@rt
def _still(rig, slot):
    """Let a note fall at its destination. [audio]"""
    note = rig.notes[slot]
    still_out(rig, slot)
    if note.destination == SOUNDFONT:
        queue_fluid(rig, FLUID_NOTE_OFF, note.part, note.pitch, 0)
    elif note.destination == BANK_VOICES:
        release_voice(rig, note.id)
    elif note.destination == MORPH:
        release_morph(rig, note.id)
    elif note.destination == PLUGIN:
        send_midi(rig, note.part, 0x80, note.pitch, 64)


@rt
def lift_note(rig, slot):
    """Take a sounding note off its part's count, to be moved; it sounds on meanwhile. [audio]

    All notes of a chord are lifted before the first is moved: none makes room for another.
    """
    note = rig.notes[slot]
    rig.parts[note.part].sounding -= 1
    note.state = WAITING


@rt
def move_note(rig, slot, part):
    """Let a lifted note go on in another part, with a short cross-fade. [audio]"""
    note = rig.notes[slot]
    left = note.part
    before = note.destination
    after = _destination(rig, part)
    _end_doubles(rig, slot)
    _make_room(rig, slot, part)
    note.state = SOUNDING
    if note.source < DIRECT:
        follow_controllers(rig, part)
    _count_on(rig, part)
    if before == after and after in (BANK_VOICES, MORPH):
        still_out(rig, slot)
        note.part = part
        strike_out(rig, slot)
        if after == MORPH:
            goes_on = move_morph(rig, note.id, part, note.pitch, note.velocity)
        else:
            bank = rig.parts[part].bank
            goes_on = crossfade_voice(rig, note.id, part, bank, note.pitch, note.velocity)
        if not goes_on:
            rig.stats[0].refused_notes += 1
    else:
        _still(rig, slot)
        note.part = part
        note.destination = after
        _strike(rig, slot)
    heard_move(rig, slot)
    emit(rig, MOVED, part, note.id, 0, note.confidence, note.pitch, note.velocity, left)


@rt
def key_up(rig, source, channel, pitch):
    """The key of a note is released; it may sound on: a delay to keep, a pedal. [audio]"""
    slot = rig.held[source, channel, pitch] - 1
    if slot < 0:
        return
    rig.held[source, channel, pitch] = 0
    note = rig.notes[slot]
    forget_key(rig, slot)
    now = rig.state[0].frame
    if note.state < SOUNDING:
        note.off_frame = now
        return
    delay = note.sound_frame - note.on_frame
    if delay == 0:
        let_go(rig, slot)
    else:
        _release_later(rig, slot, now + delay)


@rt
def forget_key(rig, slot):
    """A note lost its key: the network's memory has it up, if it has had it down. [audio]"""
    note = rig.notes[slot]
    if note.source < DIRECT and note.state != DECIDING:
        remember_note_off(rig.memory, note.pitch)


@rt
def _release_later(rig, slot, frame):
    """Release a note at a frame to come. [audio]"""
    note = rig.notes[slot]
    packed = pack(RELEASE, 0, 0, 0, slot)
    if not schedule(rig, frame, FROM_WITHIN, packed, np.float64(note.id)):
        let_go(rig, slot)


@rt
def let_go(rig, slot):
    """Release a sounding note, and what doubles it, now; the pedal may hold them. [audio]"""
    parent, doubles = rig.notes[slot].id, rig.notes[slot].doubles
    _let_go_alone(rig, slot)
    i = 0
    while doubles > 0 and i < rig.state[0].live:
        other = rig.live[i]
        if rig.notes[other].parent == parent and rig.notes[other].released == 0:
            _let_go_alone(rig, other)
        else:
            i += 1


@rt
def _let_go_alone(rig, slot):
    """Release one sounding note. [audio]"""
    note = rig.notes[slot]
    if note.released == 0:
        note.released = 1
        heard_off(rig, slot)
        emit(rig, NOTE_OFF, note.part, note.id, 0, NOBODY, note.pitch, 0, 0)
    pedal_channel = note.channel if note.source == DIRECT else 0
    if rig.pedals[note.source, pedal_channel] != 0:
        note.state = SUSTAINED
    else:
        _end_alone(rig, slot)


@rt
def end_note(rig, slot):
    """End a note, and what doubles it, for good and free their slots. [audio]"""
    _end_doubles(rig, slot)
    _end_alone(rig, slot)


@rt
def _end_doubles(rig, slot):
    """End what doubles a note. [audio]"""
    parent = rig.notes[slot]
    i = 0
    while parent.doubles > 0 and i < rig.state[0].live:
        if rig.notes[rig.live[i]].parent == parent.id:
            _end_alone(rig, rig.live[i])
        else:
            i += 1
    parent.doubles = 0


@rt
def _end_in_loop(rig, i):
    """End the note at place `i` of rig.live; return where to look on. [audio]

    The last note takes its place; with what doubles it, others may have moved anywhere.
    """
    doubles = rig.notes[rig.live[i]].doubles
    end_note(rig, rig.live[i])
    return 0 if doubles > 0 else i


@rt
def _end_alone(rig, slot):
    """End one note for good and free its slot. [audio]"""
    state = rig.state[0]
    note = rig.notes[slot]
    if rig.held[note.source, note.channel, note.pitch] == slot + 1:
        rig.held[note.source, note.channel, note.pitch] = 0
        forget_key(rig, slot)
    if note.state >= SOUNDING:
        if note.released == 0:
            heard_off(rig, slot)
            emit(rig, NOTE_OFF, note.part, note.id, 0, NOBODY, note.pitch, 0, 0)
        _still(rig, slot)
        rig.parts[note.part].sounding -= 1
    elif note.state == DECIDING:
        state.deferred = max(state.deferred - 1, 0)
    note.state = FREE
    if note.source == PLANNED:
        plan_note_ended(rig, slot)
    else:
        rig.floor[0].player_notes -= 1
    for i in range(state.live):
        if rig.live[i] == slot:
            state.live -= 1
            rig.live[i] = rig.live[state.live]
            break


@rt
def set_pedal(rig, source, channel, value):
    """The sustain pedal of a keyboard (or of a part, for direct notes) moves. [audio]"""
    down = 1 if value >= 64 else 0
    rig.pedals[source, channel] = down
    if down != 0:
        return
    i = 0
    while i < rig.state[0].live:
        slot = rig.live[i]
        note = rig.notes[slot]
        same = note.source == source and (source != DIRECT or note.channel == channel)
        if same and note.state == SUSTAINED:
            i = _end_in_loop(rig, i)
        else:
            i += 1


@rt
def tell_part(rig, index, status, data1, data2):
    """Send a controller, bend or pressure message to a part and report it. [audio]

    The sustain pedal is kept by the notes themselves and only reported.
    """
    part = rig.parts[index]
    send_midi(rig, index, status, data1, data2)
    if status == 0xB0:
        part.sent[data1] = data2
        if data1 != SUSTAIN_PEDAL:
            queue_fluid(rig, FLUID_CC, index, data1, data2)
        if data1 == 1:
            part.vibrato = np.float32(data2 / 127.0)
        elif data1 == 7 or data1 == 11:
            volume = part.sent[7] / 100.0
            swell = part.sent[11] / 127.0
            part.expression = np.float32(volume * volume * swell * swell)
            aim_strip(rig, index)
    elif status == 0xE0:
        bend = data1 | data2 << 7
        part.last_bend = bend
        queue_fluid(rig, FLUID_BEND, index, bend, 0)
        part.bend = 2.0 ** ((bend - BEND_CENTRE) / 8192.0 * 2.0 / 12.0)
    elif status == 0xD0:
        part.last_pressure = data1
        queue_fluid(rig, FLUID_PRESSURE, index, data1, 0)
    else:
        queue_fluid(rig, FLUID_KEY_PRESSURE, index, data1, data2)
    part_out(rig, index, status, data1, data2)
    emit(rig, CONTROLLER, index, -1, 0, NOBODY, status, data1, data2)


@rt
def quieten_instrument(rig, index, controller):
    """Tell the plugin of a part that plays nothing any more (120 or 123) to be silent. [audio]"""
    part = rig.parts[index]
    if part.sounding == 0:
        if part.sent[SUSTAIN_PEDAL] != 0:
            part.sent[SUSTAIN_PEDAL] = 0  # the next note tells it of the pedal again
            send_midi(rig, index, 0xB0, SUSTAIN_PEDAL, 0)
        send_midi(rig, index, 0xB0, controller, 0)


@rt
def follow_controllers(rig, index):
    """Tell a part which of the player's controllers moved while it was silent. [audio]"""
    state = rig.state[0]
    part = rig.parts[index]
    for controller in FOLLOWED:
        value = rig.controllers[controller]
        if part.sent[controller] != value:
            tell_part(rig, index, 0xB0, controller, value)
    if part.sent[SUSTAIN_PEDAL] != rig.controllers[SUSTAIN_PEDAL]:
        tell_part(rig, index, 0xB0, SUSTAIN_PEDAL, rig.controllers[SUSTAIN_PEDAL])
    if part.last_bend != state.bend:
        tell_part(rig, index, 0xE0, state.bend & 127, state.bend >> 7)
    if part.last_pressure != state.pressure:
        tell_part(rig, index, 0xD0, state.pressure, 0)


@rt
def reset_controllers(rig):
    """Put the player's controllers where they rest. [audio]"""
    state = rig.state[0]
    volume = rig.controllers[7]  # which RP-015 leaves alone
    rig.controllers[:] = 0
    rig.controllers[7] = volume
    rig.controllers[11] = 127
    rig.controllers[71:75] = 64
    state.bend = BEND_CENTRE
    state.pressure = 0


@rt
def end_source(rig, source, channel):
    """End every note of a keyboard, pedal or not; of one channel, unless it is -1. [audio]"""
    if channel < 0:
        release_switches(rig, source)
    for other in range(16):
        if channel < 0 or other == channel:
            rig.pedals[source, other] = 0
    i = 0
    while i < rig.state[0].live:
        slot = rig.live[i]
        note = rig.notes[slot]
        if note.source == source and (channel < 0 or note.channel == channel):
            i = _end_in_loop(rig, i)
        else:
            i += 1


@rt
def panic(rig):
    """Silence everything at once and forget what is held. [audio]"""
    state = rig.state[0]
    while state.live > 0:
        end_note(rig, rig.live[0])
    rig.held[:] = 0
    rig.pedals[:] = 0
    state.chord_notes = 0
    state.chord_id += 1
    state.deferred = 0
    forget_switches(rig)
    kill_voices(rig, -1)
    kill_morphs(rig, -1)
    rig.reverb[:] = np.float32(0.0)
    rig.reverb_gains[1] = np.float32(0.0)
    rig.chorus[:] = np.float32(0.0)
    panic_chains(rig)
    reset_controllers(rig)
    for index in range(MAX_PARTS):
        if rig.parts[index].used != 0:
            follow_controllers(rig, index)
            queue_fluid(rig, FLUID_CC, index, SUSTAIN_PEDAL, 0)
            queue_fluid(rig, FLUID_SOUNDS_OFF, index, 0, 0)
            queue_fluid(rig, FLUID_CC, index, 123, 0)
    panic_out(rig)
    reset_network(rig.network_state, rig.memory)
    forget_past(rig)
    emit(rig, PANICKED, -1, -1, 0, NOBODY, 0, 0, 0)
