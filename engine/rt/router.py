"""What an event means: MIDI messages, parameters, commands. [audio]

Messages are checked here once more, whoever sent them: anything malformed is counted and ignored.
"""

import numpy as np

from engine.rt.chains import attach_chain, detach_chain, send_to_plugin, set_chain
from engine.rt.chords import close_chord, decide_deferred, note_struck
from engine.rt.clock_in import clock_message
from engine.rt.doubling import press_doubles
from engine.rt.floor import pedal_moved, set_floor, trigger
from engine.rt.fluid import queue_fluid
from engine.rt.handover import take_network
from engine.rt.hints import forget_switch, forget_switches, release_switch, strike_switch
from engine.rt.layout import (
    ACTIVE,
    ANNOUNCE,
    ASSIGNER,
    ATTACH_CHAIN,
    BANK,
    CHAIN_EVENT,
    CHORD_MODE,
    CHORD_WINDOW,
    CHORUS_SEND,
    CLASS_PART,
    CLOCK,
    CLOSE_CHORD,
    COMPENSATION,
    CONFIDENCE,
    CONTINUES,
    CONTROL,
    DECIDE,
    DESTINATION,
    DETACH_CHAIN,
    DIRECT,
    DOUBLE_OCTAVES,
    DOUBLES,
    FILE_SOURCE,
    FLOOR_MODE,
    FLUID_PROGRAM,
    FORGET_PAST,
    FREE_BANK,
    FREE_MORPH,
    GAIN,
    HIGH,
    HOME,
    INPUT_2,
    JACK_MASTER,
    KEYSWITCH,
    KEYSWITCH_MODE,
    LEARN_NOTES,
    LOCK_HIGH,
    LOCK_LOW,
    LOW,
    LOW_CONFIDENCE,
    MASTER_GAIN,
    MAX_CHAINS,
    MAX_PARTS,
    MIDI,
    MIDI_OUT_MODE,
    MORPH_SOUND,
    MUTE,
    PAN,
    PANIC,
    PANIC_CC,
    PART_AT_BEAT,
    PART_CHANNEL,
    PART_MIDI,
    PART_PLAYING,
    PIN_CHANNEL,
    POLYPHONY,
    PROGRAM,
    QUIT,
    RELEASE,
    RETURN_A,
    REVERB_SEND,
    SEND_A,
    SEND_B,
    SEND_PROGRAMS,
    SET,
    SET_CHAIN,
    SOLO,
    SOLO_HOLD,
    SOUNDING,
    TAKE_NETWORK,
    TAKE_PAD,
    TAKEN,
    TEMPO,
    ZONE,
)
from engine.rt.learned import place_of, report_played, take
from engine.rt.midi_out import leave_out, program_out, programs_out, set_out_channel, set_out_mode
from engine.rt.mixer import aim_all, aim_gain, aim_master, aim_strip
from engine.rt.native import rt
from engine.rt.notes import (
    end_source,
    follow_controllers,
    key_up,
    let_go,
    panic,
    quieten_instrument,
    reset_controllers,
    set_pedal,
    tell_part,
)
from engine.rt.pad import pad_hears, pads_hear, set_pad, take_pad
from engine.rt.pad_memory import PAD_RECORD, PAD_X
from engine.rt.transport import set_transport, wait_for_beat

QUIT_FADE_FRAMES = 960


@rt
def handle(rig, packed, value):
    """Act on an event at the present frame. [audio]"""
    kind = packed & 0xFF
    a = packed >> 8 & 0xFF
    b = packed >> 16 & 0xFF
    c = packed >> 24 & 0xFF
    index = packed >> 32
    if kind == MIDI:
        if 0 <= index < DIRECT:
            handle_midi(rig, index, a, b, c)
        else:
            rig.stats[0].bad_messages += 1
    elif kind == PART_MIDI:
        if 0 <= index < MAX_PARTS and rig.parts[index].used != 0:
            _handle_direct(rig, index, a, b, c)
        else:
            rig.stats[0].bad_messages += 1
    elif kind == SET:
        set_parameter(rig, a, index, value)
    elif kind == CLOCK:
        clock_message(rig, a, b, c)
    elif kind == PART_AT_BEAT:
        wait_for_beat(rig, packed, value)
    elif kind == RELEASE:
        note = rig.notes[index]
        if note.id == np.int64(value) and note.state == SOUNDING:
            let_go(rig, index)
    elif kind == CLOSE_CHORD:
        if np.int64(value) == rig.state[0].chord_id and rig.state[0].chord_notes > 0:
            close_chord(rig)
    elif kind == DECIDE:
        decide_deferred(rig, index, np.int64(value))
    elif kind == PANIC:
        panic(rig)
    elif kind == FREE_BANK:
        rig.banks[index].leaving = 1
    elif kind == FREE_MORPH:
        rig.morphs[index].leaving = 1
    elif kind == TAKE_PAD:
        if 0 <= index < MAX_PARTS:
            take_pad(rig, index, np.int64(value), a)
    elif ATTACH_CHAIN <= kind <= CHAIN_EVENT:
        if a < MAX_CHAINS:
            _handle_chain(rig, kind, a, b, c, index, value)
    elif kind == TAKE_NETWORK:
        take_network(rig, np.int64(value), index, a)
    elif kind == QUIT:
        if value == 0.0:
            _quit(rig)
        else:
            _resume(rig)


@rt
def _handle_chain(rig, kind, slot, b, c, index, value):
    """Act on a command about a chain of plugins. [audio]"""
    if kind == ATTACH_CHAIN:
        attach_chain(rig, slot, b & 1, b >> 1 | c << 7, index, np.int64(value))
    elif kind == DETACH_CHAIN:
        detach_chain(rig, slot, np.int64(value))
    elif kind == SET_CHAIN:
        set_chain(rig, slot, b, index)
    else:
        send_to_plugin(rig, slot, b, c, index, value)


@rt
def _legal(status, data1, data2):
    return 0x80 <= status < 0xF0 and data1 < 0x80 and data2 < 0x80


@rt
def handle_midi(rig, source, status, data1, data2):
    """Act on a channel message of the player. [audio]"""
    if not _legal(status, data1, data2):
        rig.stats[0].bad_messages += 1
        return
    state = rig.state[0]
    channel = status & 0x0F
    kind = status & 0xF0
    strikes = kind == 0x90 and data2 > 0
    taken = rig.taken[channel, place_of(kind, data1)] != 0
    wanted = strikes and state.learn_notes != 0 and source != FILE_SOURCE
    if kind >= 0xB0 or taken or wanted:
        report_played(rig, source, status, data1, data2)
    if taken and (strikes or kind >= 0xD0 or (kind == 0xB0 and data1 != state.panic_cc)):
        return
    if wanted:
        return  # the key that is pressed to be learned is a control already
    if strikes:
        key_up(rig, source, channel, data1)
        if not strike_switch(rig, source, channel, data1):
            note_struck(rig, source, channel, data1, data2)
    elif kind == 0x80 or kind == 0x90:
        release_switch(rig, source, channel, data1)
        key_up(rig, source, channel, data1)
    elif kind == 0xB0:
        pads_hear(rig, kind, data1, data2)
        _handle_controller(rig, source, data1, data2)
    elif kind == 0xE0:
        pads_hear(rig, kind, data1, data2)
        state.bend = data1 | data2 << 7
        _tell_sounding(rig, kind, data1, data2)
    elif kind == 0xD0:
        pads_hear(rig, kind, data1, 0)
        state.pressure = data1
        _tell_sounding(rig, kind, data1, 0)
    elif kind == 0xA0:
        slot = rig.held[source, channel, data1] - 1
        if slot >= 0 and rig.notes[slot].state >= SOUNDING:
            pad_hears(rig, rig.notes[slot].part, kind, data1, data2)
            tell_part(rig, rig.notes[slot].part, kind, data1, data2)
            press_doubles(rig, slot, kind, data2)


@rt
def _handle_controller(rig, source, controller, value):
    """Act on a controller of the player. [audio]"""
    state = rig.state[0]
    if controller == state.panic_cc:
        if value > 0:
            panic(rig)
    elif pedal_moved(rig, controller, value):
        pass  # it is no controller of the parts
    elif controller == 120 or controller == 123:
        end_source(rig, source, -1)
        for index in range(MAX_PARTS):
            quieten_instrument(rig, index, controller)
    elif controller == 121:
        set_pedal(rig, source, 0, 0)
        reset_controllers(rig)
        for index in range(MAX_PARTS):
            if rig.parts[index].sounding > 0 or rig.parts[index].sent[64] != 0:
                follow_controllers(rig, index)
    elif controller == 64:
        rig.controllers[64] = value
        set_pedal(rig, source, 0, value)
        for index in range(MAX_PARTS):  # a part that is silent now may have heard it go down
            if rig.parts[index].sounding > 0 or rig.parts[index].sent[64] > value:
                tell_part(rig, index, 0xB0, 64, value)
    elif controller not in (0, 6, 32, 38) and controller < 96:
        rig.controllers[controller] = value
        _tell_sounding(rig, 0xB0, controller, value)


@rt
def _tell_sounding(rig, status, data1, data2):
    """Send a message to every part that holds notes; others learn it when they play. [audio]"""
    for index in range(MAX_PARTS):
        if rig.parts[index].sounding > 0:
            tell_part(rig, index, status, data1, data2)


@rt
def _handle_direct(rig, index, status, data1, data2):
    """Act on a channel message that names its part. [audio]"""
    if not _legal(status, data1, data2):
        rig.stats[0].bad_messages += 1
        return
    kind = status & 0xF0
    if kind == 0x90 and data2 > 0:
        key_up(rig, DIRECT, index, data1)
        note_struck(rig, DIRECT, index, data1, data2)
    elif kind == 0x80 or kind == 0x90:
        key_up(rig, DIRECT, index, data1)
    elif kind == 0xB0:
        pad_hears(rig, index, kind, data1, data2)
        if data1 == 64:
            set_pedal(rig, DIRECT, index, data2)
        elif data1 == 120 or data1 == 123:
            end_source(rig, DIRECT, index)
            quieten_instrument(rig, index, data1)
        if data1 < 96 and data1 not in (0, 6, 32, 38):
            tell_part(rig, index, kind, data1, data2)
    elif kind != 0xC0:
        pad_hears(rig, index, kind, data1, data2)
        tell_part(rig, index, kind, data1, data2)


@rt
def set_parameter(rig, parameter, index, value):
    """Set a parameter; gains and sends move along a ramp from this frame on. [audio]"""
    if parameter < MASTER_GAIN:
        if 0 <= index < MAX_PARTS:
            _set_part(rig, parameter, index, value)
        return
    state = rig.state[0]
    number = np.int64(value)
    if parameter == MASTER_GAIN:
        aim_master(rig, np.float32(value))
    elif parameter == CHORD_WINDOW:
        state.chord_window = number
    elif parameter == CHORD_MODE:
        state.chord_mode = number
    elif parameter == ASSIGNER:
        state.assigner = number
    elif parameter == PANIC_CC:
        state.panic_cc = number
    elif parameter == CONTROL:
        state.control = number
        trigger(rig, 1 - number)
    elif parameter == MIDI_OUT_MODE:
        set_out_mode(rig, number)
    elif parameter == SEND_PROGRAMS:
        state.send_programs = number
    elif parameter == ANNOUNCE:
        programs_out(rig)
    elif parameter == TAKEN:
        take(rig, index, number != 0)
    elif parameter == LEARN_NOTES:
        state.learn_notes = number
    elif RETURN_A <= parameter <= INPUT_2:
        aim_gain(rig, parameter - RETURN_A, np.float32(value))
    elif parameter == KEYSWITCH_MODE:
        if state.keyswitch_mode != number:
            forget_switches(rig)
        state.keyswitch_mode = number
    elif parameter == SOLO_HOLD:
        state.solo_hold = number
    elif parameter == LOW_CONFIDENCE:
        state.low_confidence = number
    elif parameter == CONFIDENCE:
        state.confidence = value
    elif parameter == COMPENSATION:
        state.compensation = number
        state.align_due = 1
    elif parameter == CLASS_PART:
        if 0 <= index < rig.class_part.size and -1 <= number < MAX_PARTS:
            rig.class_part[index] = number
    elif TEMPO <= parameter <= JACK_MASTER:
        set_transport(rig, parameter, value)
    elif FLOOR_MODE <= parameter <= FORGET_PAST:
        set_floor(rig, parameter, value)
    elif PAD_X <= parameter <= PAD_RECORD:
        if 0 <= index < MAX_PARTS:
            set_pad(rig, parameter, index, value)
    elif parameter == ZONE and 0 <= index < rig.zones.size:
        rig.zones[index] = number


@rt
def _set_part(rig, parameter, index, value):
    """Set a parameter of a part. [audio]"""
    part = rig.parts[index]
    number = np.int64(value)
    if parameter == GAIN:
        part.gain = np.float32(value)
    elif parameter == PAN:
        part.pan = np.float32(value)
    elif parameter == MUTE:
        part.mute = number
    elif parameter == SOLO:
        part.solo = number
    elif parameter == REVERB_SEND:
        part.reverb = np.float32(value)
    elif parameter == CHORUS_SEND:
        part.chorus = np.float32(value)
    elif parameter == SEND_A:
        part.send_a = np.float32(value)
    elif parameter == SEND_B:
        part.send_b = np.float32(value)
    elif parameter == LOW:
        part.low = number
    elif parameter == HIGH:
        part.high = number
    elif parameter == POLYPHONY:
        part.polyphony = max(number, 1)
    elif parameter == DESTINATION:
        part.destination = number
    elif parameter == BANK:
        part.bank = number
    elif parameter == MORPH_SOUND:
        rig.morph_parts[index].sound = number
    elif parameter == PROGRAM:
        part.program = number
        queue_program(rig, index, number)
        program_out(rig, index)
    elif parameter == CONTINUES:
        part.rests = 1 - number
    elif parameter == PART_CHANNEL:
        set_out_channel(rig, index, number)
    elif parameter == ACTIVE:
        part.active = number
        if number != 0 and part.used == 0:
            part.used = 1
        rig.state[0].align_due = 1
    elif parameter >= PART_PLAYING:
        _set_hint(rig, parameter, index, number)
    if parameter in (SOLO, ACTIVE):
        aim_all(rig)
    elif parameter <= CHORUS_SEND or parameter in (DESTINATION, SEND_A, SEND_B):
        aim_strip(rig, index)


@rt
def _set_hint(rig, parameter, index, number):
    """Set what the player says about a part; see engine.rt.hints. [audio]"""
    part = rig.parts[index]
    if parameter == PART_PLAYING:
        part.out = 0 if number != 0 else 1
    elif parameter == HOME:
        part.home = number + 1
    elif parameter == LOCK_LOW:
        part.lock_low = number + 1
    elif parameter == LOCK_HIGH:
        part.lock_high = number + 1
    elif parameter == PIN_CHANNEL:
        part.pin_channel = number
    elif parameter == KEYSWITCH:
        if part.keyswitch != number + 1:
            forget_switch(rig, index)
        part.keyswitch = number + 1
    elif parameter == DOUBLES:
        part.doubles = number
    elif parameter == DOUBLE_OCTAVES:
        part.double_octaves = number


@rt
def queue_program(rig, index, number):
    """Give a part's channel the preset bank * 128 + program of the SoundFont. [audio]"""
    queue_fluid(rig, FLUID_PROGRAM, index, number >> 7, number & 127)


@rt
def _quit(rig):
    """Fade master and stems out, then report and stay silent. [audio]"""
    state = rig.state[0]
    if state.quit == 0:
        state.quit = 1
        state.quit_frame = state.frame + QUIT_FADE_FRAMES
        leave_out(rig)
        aim_master(rig, np.float32(0.0))
        aim_all(rig)


@rt
def _resume(rig):
    """A new stream plays on; requests to quit that an earlier one never saw are void. [audio]"""
    state = rig.state[0]
    if state.quit != 0:
        state.quit = 0
        state.quit_done = 0
        aim_all(rig)
