"""The memory the audio callback works in: constants, record types and the field table of a rig.

Everything is counted in frames. The callback owns every array here; Python writes only into the
event and command rings, the bank table (before it announces a bank) and the table of addresses.
"""

import numpy as np

from engine.rt.assignment import MAX_CLASSES
from engine.rt.features import MEMORY
from engine.rt.pad_memory import PAD, PATH_POINTS
from engine.rt.plan_memory import PENDING
from engine.rt.shared import CAPACITY

QUANTUM = 64  # frames; the absolute grid of FluidSynth, decisions and meters
MAX_PARTS = 16
OUT_CHANNELS = 2 + 2 * MAX_PARTS  # master left, right, then a stem pair a part
MAX_CHAINS = 19  # of plugins: an insert chain a part, two sends, the master
SEND_A_CHAIN, SEND_B_CHAIN, MASTER_CHAIN = 16, 17, 18
RETURNS = 2  # stereo audio inputs
FIRST_RETURN = MAX_CHAINS
CLICK_STRIP = MAX_CHAINS + RETURNS
STRIPS = CLICK_STRIP + 1  # what can be delayed: what may have a chain, audio inputs, the click
IN_CHANNELS = 2 * RETURNS
LINE_FRAMES = CAPACITY // 2  # of a strip's delay line, a power of two
MAX_DELAY = LINE_FRAMES - QUANTUM  # frames; lead and plugin latency together
MAX_NOTES = 4096  # notes held, waiting or sustained at once
MAX_BANKS = 64
MAX_MORPHS = 64  # morph sounds the callback may read
MORPH_ANCHORS = 8  # of a sound
MORPH_VOICES = 32  # that sound at once; the rest of the pool fades out
MORPH_POOL = 96
MORPH_CONTROL_FRAMES = 64  # between two readings of the pads
SOURCES = 9  # seven keyboards, notes that name their part, notes the ensemble plays by itself
VIRTUAL_SOURCE, FILE_SOURCE, COMPUTER_SOURCE = 4, 5, 6  # three of the seven
DIRECT, PLANNED = 7, 8
QUEUE = 8192  # events waiting for their frame
LOAD_BINS = 512  # callback duration, half a percent of the block a bin
DELAY_BINS = 8192  # note delay, a frame a bin
DECISIONS_PER_QUANTUM = 6  # network steps; more notes wait for the next quantum
DEFERRED_LIMIT = 16  # notes waiting for a step; beyond, the rule assigns

# Event kinds (rings and queue). MIDI: a status, b and c data, index source.
MIDI, PART_MIDI, SET, PANIC, QUIT, FREE_BANK = 1, 2, 3, 4, 5, 6
FREE_MORPH = 8  # index: slot
TAKE_PAD = 9  # value: address of a PAD_SOUND, index its part, a 1: for a sound no voice plays yet
TAKE_NETWORK = 7  # value: address of its rig's table, index its serial, a its classes
CLOCK, PART_AT_BEAT = 10, 11  # a system message of a MIDI clock; a part's message, value = beat
RELEASE, CLOSE_CHORD, DECIDE = 16, 17, 18  # made inside the callback
# Of chains; a: slot. ATTACH_CHAIN: value address, index lead | latency << 16, b and c instrument |
# serial << 1. DETACH_CHAIN: value frames for which the delay stays. SET_CHAIN: b what, index as
# above or bypass. CHAIN_EVENT: b kind, c plugin, index parameter.
ATTACH_CHAIN, DETACH_CHAIN, SET_CHAIN, CHAIN_EVENT = 24, 25, 26, 27
CHAIN_DELAYS, CHAIN_BYPASS = 0, 1  # what SET_CHAIN sets

# Order of events due at the same frame.
FROM_WITHIN, FROM_COMMAND, FROM_EVENT = 0, 1, 2

# Parameters of a SET event. Of a part (index = part):
ACTIVE, GAIN, PAN, MUTE, SOLO, REVERB_SEND, CHORUS_SEND = 0, 1, 2, 3, 4, 5, 6
LOW, HIGH, POLYPHONY, DESTINATION, BANK, PROGRAM = 7, 8, 9, 10, 11, 12
SEND_A, SEND_B = 13, 14
MORPH_SOUND = 15  # slot
PART_PLAYING, HOME, LOCK_LOW, LOCK_HIGH, PIN_CHANNEL = 21, 22, 23, 24, 25  # engine.rt.hints
KEYSWITCH, DOUBLES, DOUBLE_OCTAVES = 27, 28, 29
# Global (index = class, zone or -1):
MASTER_GAIN, CHORD_WINDOW, CHORD_MODE, ASSIGNER, PANIC_CC, CONTROL = 32, 33, 34, 35, 36, 37
CLASS_PART, ZONE = 38, 39
KEYSWITCH_MODE, SOLO_HOLD, LOW_CONFIDENCE, CONFIDENCE = 40, 41, 42, 43
TEMPO, ROLLING, SYNC_SOURCE, BEATS_PER_BAR, LOCATE, ALIGN = 64, 65, 66, 67, 68, 69
CLOCK_OUT, MIDI_OUT_MODE, SEND_PROGRAMS, ANNOUNCE, CLICK, CLICK_GAIN = 70, 71, 72, 73, 74, 75
JACK_MASTER = 76
PART_CHANNEL = 20  # of a part: its channel on MIDI outputs, from 0
CONTINUES = 26  # of a part: whether the ensemble may play it by itself
# Of the floor (engine.rt.floor). FLOOR_TRIGGER: 1 take over now, 0 yield now.
FLOOR_MODE, FLOOR_SILENCE, FLOOR_BARS, FLOOR_LENGTH, FLOOR_PEDAL = 80, 81, 82, 83, 84
FLOOR_TRIGGER, FORGET_PAST = 85, 86
TAKEN, LEARN_NOTES = 60, 61  # learned controls (engine.rt.learned); whether note-ons are reported
RETURN_A, RETURN_B, INPUT_1, INPUT_2, COMPENSATION = 48, 49, 50, 51, 52

# Destinations. PLUGIN: of a note on a part whose instrument chain runs, never of a part.
NOWHERE, SOUNDFONT, BANK_VOICES, PLUGIN, MORPH = 0, 1, 2, 3, 4
LATENT, BASELINE = 0, 1  # morph modes: the latent points are mixed, or the levels in dB
WAIT, SETTLE = 0, 1  # chord modes
INTERNAL, JACK, MIDI_CLOCK, LINK, PLAYING = 0, 1, 2, 3, 4  # who leads the transport
CHANNELS_OUT, PORTS_OUT = 0, 1  # MIDI out: a channel a part on one port, or a port a part
NO_CLICK, COUNT_IN_CLICK, ALWAYS_CLICK = 0, 1, 2
# How a note got its part.
BY_NETWORK, BY_ZONES, BY_CLOSEST, BY_SOURCE, BY_ENSEMBLE = 0, 1, 2, 3, 4
BY_HAND, BY_DOUBT, BY_DOUBLING = 5, 6, 7  # the player said so; the network doubted; see doubling
HOLD, LATCH = 0, 1  # keyswitch modes
TRUST, NEAREST, LAST_PART, TUTTI = 0, 1, 2, 3  # low-confidence rules

# Result kinds.
NOTE_ON, NOTE_OFF, MOVED, CONTROLLER, PANICKED, BANK_FREED, QUITTED = 1, 2, 3, 4, 5, 6, 7
TRANSPORT = 32  # it moved: note + delay_frames / 2**30 = beat, confidence = tempo in bpm,
# a = rolling | locked << 1, b = source, c = beats a bar
PLAYED = 16  # a message of the player's as it came: note = source; a, b, c = its bytes
PAD_RECORDED = 41  # note: points that a part's pad has recorded
FLOOR_MOVED = 40  # a: who has the floor now, of engine.rt.plan_memory
MORPH_FREED = 48  # a: slot
CHAIN_FREED = 24  # a: slot, note: serial

# Note states.
FREE, DECIDING, WAITING, SOUNDING, SUSTAINED = 0, 1, 2, 3, 4

# Voice stages.
DONE, ATTACK, DECAY, SUSTAIN, RELEASING, KILLED = 0, 1, 2, 3, 4, 5

# Native functions by address.
(
    CLOCK,
    JACK_BUFFER,
    JACK_MIDI_COUNT,
    JACK_MIDI_GET,
    JACK_FRAME_TIME,
    FLUID_NOTE_ON,
    FLUID_NOTE_OFF,
    FLUID_CC,
    FLUID_BEND,
    FLUID_PRESSURE,
    FLUID_KEY_PRESSURE,
    FLUID_PROGRAM,
    FLUID_SOUNDS_OFF,
    FLUID_PROCESS,
) = range(14)
JACK_GET_LATENCY, JACK_SET_LATENCY, JACK_CONNECTED = 29, 30, 31
JACK_MIDI_CLEAR, JACK_MIDI_WRITE, JACK_TRANSPORT_QUERY = 20, 21, 22
PLAY_BLOCK = 28  # our own: engine.rt.callback.play_block
NATIVE_FUNCTIONS = 32

RESULTS = 32768  # 1.6 s of ten thousand notes a second, begun and ended, while nobody reads
FLUID_OPS = 4096
CHORUS_FRAMES = 4096
REVERB_LINES = 8
REVERB_ROWS = REVERB_LINES + 4  # and the diffusers before them
# Rows of `mix`: a pair a part, master, reverb and chorus sends; from SEND_ROWS on what is only
# cleared and used while chains are there; working rows.
SEND_ROWS = 2 * MAX_PARTS + 4  # send A left, right, send B left, right
WORK_ROWS = SEND_ROWS + 4
MIX_ROWS = WORK_ROWS + 5

SUSTAIN_PEDAL = 64

QUEUED = np.dtype([("frame", "i8"), ("order", "i8"), ("packed", "i8"), ("value", "f8")])

RESULT = np.dtype(
    [
        ("frame", "i8"),
        ("note", "i4"),
        ("delay_frames", "i4"),
        ("confidence", "f4"),
        ("part", "i2"),
        ("kind", "u1"),
        ("a", "u1"),
        ("b", "u1"),
        ("c", "u1"),
        ("pad", "u1", (6,)),
    ]
)

# The transport: beat = anchor_beat + (frame - anchor_frame) / frames_per_beat while it rolls.
TRANSPORT_STATE = np.dtype(
    [
        ("anchor_frame", "f8"),
        ("anchor_beat", "f8"),
        ("frames_per_beat", "f8"),
        ("rolling", "i8"),
        ("source", "i8"),
        ("locked", "i8"),  # what leads it is there
        ("beats_per_bar", "i8"),
        ("moved", "i8"),  # something may be due at this very frame
        ("next_tick", "i8"),  # of the clock going out, 24 a beat, while rolling
        ("idle_frame", "f8"),  # of the next tick while stopped
        ("start_status", "i8"),  # start or continue, to be sent before tick start_tick; 0: sent
        ("start_tick", "i8"),
        ("clock_out", "i8"),
        ("next_click", "i8"),  # a beat
        ("click", "i8"),
        ("click_age", "i8"),  # frames since the click began; -1: silent
        ("click_hz", "f8"),
        ("click_gain", "f8"),
        ("told_beat", "f8"),  # what the last report said
        ("told_frame", "f8"),
        ("told_frames_per_beat", "f8"),
        ("waiting", "i8"),  # events in beat_queue
        ("jack_master", "i8"),
        ("jack_frame", "i8"),  # where JACK's transport is expected next; -1: anywhere
    ],
    align=True,
)
TICKS_KEPT = 256  # of a clock coming in, a power of two
CLOCK_IN = np.dtype(
    [
        ("write", "i8"),  # ticks ever
        ("count", "i8"),  # ticks since the last gap
        ("last_frame", "i8"),
        ("period", "f8"),  # frames a tick, as estimated
        ("phase", "f8"),  # the frame at which the last tick was meant
        ("known", "f8"),  # the period before the last start; 0: none
        ("jitter", "f8"),  # variance of its ticks, frames squared
        ("song_tick", "i8"),  # the place in the song of the next tick
        ("place", "i8"),  # 1: song_tick is to be read off the transport
        ("start", "i8"),  # 1: the next tick starts the transport
        ("frames", "i8", (TICKS_KEPT,)),
    ],
    align=True,
)
# jack_position_t, as the server lays it out
POSITION = np.dtype(
    [
        ("unique", "u8"),
        ("usecs", "u8"),
        ("frame_rate", "u4"),
        ("frame", "u4"),
        ("valid", "u4"),
        ("bar", "i4"),
        ("beat", "i4"),
        ("tick", "i4"),
        ("bar_start_tick", "f8"),
        ("beats_per_bar", "f4"),
        ("beat_type", "f4"),
        ("ticks_per_beat", "f8"),
        ("beats_per_minute", "f8"),
        ("frame_time", "f8"),
        ("next_time", "f8"),
        ("bbt_offset", "u4"),
        ("video", "u4", (2,)),
        ("rest", "u1", (156,)),  # the library writes all of its struct, whose end has grown
    ]
)
BEATS_WAITING = 1024
AT_BEAT = np.dtype([("beat", "f8"), ("order", "i8"), ("packed", "i8")])
OUT_PORTS = 1 + MAX_PARTS  # midi_out, then one a part
OUT_RING = 2048
OUT_EVENT = np.dtype([("frame", "i8"), ("port", "i2"), ("size", "i2"), ("data", "u1", (4,))])

STATE = np.dtype(
    [
        ("frame", "i8"),
        ("rate_hz", "f8"),
        ("order", "i8"),
        ("queued", "i8"),
        ("next_note", "i8"),
        ("live", "i8"),
        ("fluid", "i8"),  # fluid_synth_t*, 0 without
        ("fluid_font", "i8"),
        ("fluid_ops", "i8"),
        ("classes", "i8"),  # of the network; 0 without one
        ("assigner", "i8"),
        ("chord_window", "i8"),
        ("chord_mode", "i8"),
        ("chord_notes", "i8"),
        ("chord_id", "i8"),
        ("deferred", "i8"),
        ("budget", "i8"),
        ("budget_quantum", "i8"),
        ("control", "i8"),
        ("solo_hold", "i8"),  # number from 1 of the part that gets every note; 0: none
        ("keyswitch_mode", "i8"),
        ("switch_turns", "i8"),  # keyswitches ever pressed
        ("low_confidence", "i8"),
        ("confidence", "f8"),  # probability below which the low-confidence rule holds
        ("table", "i8"),  # address of the table in force; 0: the one the callback was given
        ("table_due", "i8"),  # 1: it has changed at this very frame
        ("network_serial", "i8"),
        ("network_left", "i8"),  # networks of smaller serials are read no more
        ("last_label", "i8"),  # 1 + class of the player's last note; 0: none yet
        ("panic_cc", "i8"),
        ("learn_notes", "i8"),
        ("voices_active", "i8"),
        ("voices_free", "i8"),
        ("voices_limit", "i8"),
        ("any_solo", "i8"),
        ("bend", "i8"),
        ("pressure", "i8"),
        ("lost_offs", "i8"),
        ("void_before", "i8"),  # turn of the event ring before which note-ons are void
        ("quit", "i8"),
        ("quit_frame", "i8"),
        ("quit_done", "i8"),
        ("deadline", "i8"),  # 1: a block's real time bounds the network
        ("block_frames", "i8"),
        ("block_start_ns", "i8"),
        ("block_ns", "i8"),
        ("clock_frame", "i8"),  # frame and time of the last block's start, for stampers
        ("clock_ns", "i8"),
        ("jack_client", "i8"),
        ("midi_port", "i8"),
        ("out_mode", "i8"),
        ("out_ring", "i8"),  # 1: somebody takes MIDI out from the ring
        ("out_owed", "i8"),  # note-offs found no room in a buffer
        ("send_programs", "i8"),
        ("channels", "i8"),  # output channels the device takes
        ("tap", "i8"),
        ("server_down", "i8"),
        ("freewheel", "i8"),  # 1: JACK runs as fast as it can, and nobody listens
        ("last_frame_time", "i8"),
        ("input_channels", "i8"),  # that the device gives
        ("chains_on", "i8"),  # 1: chains are there, or delays: the strips' lines run
        ("lines_from", "i8"),  # frame from which on the lines hold what was played
        ("sends_on", "i8"),  # 1: a send has a chain
        ("compensation", "i8"),
        ("align_due", "i8"),  # 1: the strips' delays are not what they should be
        ("align_free", "i8"),  # frame before which they cross-fade still
        (
            "aim_due",
            "i8",
        ),  # 1: an instrument came or went: the strips' gains are not what they were
        ("master_from", "f4"),
        ("master_to", "f4"),
        ("master_at", "i8"),
        ("master_power", "f4"),
        ("master_peak", "f4"),
    ],
    align=True,
)

STATS = np.dtype(
    [
        ("cycles", "i8"),
        ("xruns", "i8"),
        ("missed", "i8"),  # cycles the server ran without us, by its frame counter
        ("late_events", "i8"),
        ("dropped_events", "i8"),
        ("results_dropped", "i8"),
        ("underruns", "i8"),
        ("refused_notes", "i8"),
        ("midi_out_dropped", "i8"),
        ("bad_messages", "i8"),
        ("voices_stolen", "i8"),
        ("notes_network", "i8"),
        ("notes_rule", "i8"),
        ("notes_late_rule", "i8"),
        ("notes_hand", "i8"),
        ("max_load", "f8"),
        ("load", "i8", (LOAD_BINS,)),
        ("delay", "i8", (DELAY_BINS,)),
        ("peak", "f4", (MAX_PARTS + 1,)),
        ("power", "f4", (MAX_PARTS + 1,)),
    ],
    align=True,
)

PART = np.dtype(
    [
        ("active", "i8"),
        ("used", "i8"),  # has ever been active: its strip is mixed
        ("destination", "i8"),
        ("bank", "i8"),
        ("low", "i8"),
        ("high", "i8"),
        ("polyphony", "i8"),
        ("sounding", "i8"),
        ("gain", "f4"),
        ("pan", "f4"),
        ("mute", "i4"),
        ("solo", "i4"),
        ("reverb", "f4"),
        ("chorus", "f4"),
        ("expression", "f4"),
        ("vibrato", "f4"),  # depth, 0..1 of half a semitone
        ("bend", "f8"),  # pitch ratio
        ("ratio", "f8"),  # bend and vibrato of this quantum
        ("ramp_at", "i8"),
        ("send_a", "f4"),
        ("send_b", "f4"),
        ("ramp_from", "f4", (6,)),  # left, right, reverb, chorus, send A, send B
        ("ramp_to", "f4", (6,)),
        ("last_bend", "i8"),
        ("last_pressure", "i8"),
        ("channel", "i8"),  # on MIDI outputs, from 0
        ("program", "i8"),  # bank * 128 + program
        ("rests", "i8"),  # 1: the ensemble does not play it by itself
        ("player_until", "f8"),  # beat before which it is the player's, when both play
        ("out", "i8"),  # 1: gets no notes of the player's
        ("home", "i8"),  # 1 + key; 0: none, as in the next five
        ("lock_low", "i8"),
        ("lock_high", "i8"),
        ("pin_channel", "i8"),  # from 1
        ("keyswitch", "i8"),
        ("doubles", "i8"),  # number from 1 of the part it doubles
        ("double_octaves", "i8"),
        ("switch_turn", "i8"),  # chosen by its keyswitch, the latest the highest; 0: not chosen
        ("switch_key", "i8"),  # 1 + source << 16 | channel << 8 | key that holds it; 0: none
        ("sent", "u1", (128,)),
        ("power_sum", "f4"),
        ("power_peak", "f4"),
    ],
    align=True,
)

NOTE = np.dtype(
    [
        ("id", "i8"),
        ("state", "i8"),
        ("source", "i8"),
        ("channel", "i8"),
        ("pitch", "i8"),
        ("velocity", "i8"),
        ("part", "i8"),
        ("destination", "i8"),
        ("on_frame", "i8"),
        ("sound_frame", "i8"),
        ("off_frame", "i8"),  # key-up seen before it sounded; -1 without
        ("released", "i8"),  # key-up seen
        ("how", "i8"),
        ("out", "i8"),  # 1 + port * 16 + channel it was sent out on; 0: nowhere
        ("parent", "i8"),  # id of the note it doubles; -1: none
        ("doubles", "i8"),  # notes that were begun with it and end with it
        ("confidence", "f4"),
        ("logp", "f4", (MAX_CLASSES,)),
    ],
    align=True,
)

VOICE = np.dtype(
    [
        ("stage", "i8"),
        ("part", "i8"),
        ("note", "i8"),
        ("data", "i8"),  # address of sample 0; one guard sample before, three behind
        ("bank", "i8"),
        ("length", "i8"),
        ("loop_start", "i8"),
        ("loop_end", "i8"),  # 0: no loop
        ("position", "i8"),  # 32.32 fixed point
        ("step", "i8"),
        ("base_step", "f8"),
        ("envelope", "f4"),  # value at the segment's start
        ("slope", "f4"),
        ("elapsed", "i8"),  # frames into the segment
        ("span", "i8"),  # the segment's length
        ("left", "f4"),
        ("right", "f4"),
        ("decay", "f4"),  # factor a quantum
        ("sustain", "f4"),
        ("release", "f4"),
    ],
    align=True,
)

# The decoder of morph voices, see engine.rt.morph_decoder; addresses of float32 arrays. [main]
# writes it once, `w0` last: with it, there are morph voices.
MORPH_MODEL = np.dtype(
    [
        ("w0", "i8"),  # (inputs, hidden): latent, features, rows of zeros up to a multiple of 8
        ("b0", "i8"),
        ("w1", "i8"),
        ("b1", "i8"),
        ("w2", "i8"),
        ("b2", "i8"),
        ("latent", "i8"),
        ("inputs", "i8"),
        ("hidden", "i8"),
        ("waves", "i8"),  # (64, 256): half periods of the harmonics, see morph_decoder
        ("noise", "i8"),  # the bands' loops one after the other, each with QUANTUM more behind
        ("noise_lengths", "i8", (24,)),
        ("noise_starts", "i8", (24,)),
        ("chance", "i8"),  # (CHANCE + 88,) normal numbers
        ("texture_db", "i8"),  # (88,)
        ("texture_fall", "f8"),  # natural logarithm of the AR(1) coefficient, a frame
        ("active", "i8"),  # voices
        ("free", "i8"),
        ("turn", "i8"),  # place in morph_active of the voice whose frame is next
        ("decoded", "i8"),  # frames of notes that began since the last quantum
        ("decoded_ever", "i8"),
    ],
    align=True,
)

# A morph sound in its slot; addresses of float32 arrays. [main] writes it, `points` last.
MORPH_ENTRY = np.dtype(
    [
        ("points", "i8"),  # (8, 128, latent)
        ("levels", "i8"),  # (8, 128) dB of full scale at velocity 127
        ("ranges", "i8"),  # (8,) dB from velocity 0 to 127
        ("releases", "i8"),  # (8, 128) natural logarithm of the seconds to fall by 60 dB
        ("leaving", "i8"),
        ("gain_db", "f4"),
        ("texture", "f4"),  # share of the unrest that is heard
        ("wheel_swings", "i8"),  # 1: the modulation wheel swings the pitch, as elsewhere
        ("vibrato_hz", "f4"),
        ("vibrato_octaves", "f4"),  # depth
        ("vibrato_delay_s", "f4"),
        ("mode", "i8"),
        ("weights", "f4", (MORPH_ANCHORS,)),  # of the anchors, by the pad; they add up to 1
    ],
    align=True,
)

MORPH_PART = np.dtype(
    [
        ("sound", "i8"),  # slot
        ("voices", "i8"),
        ("noise_at", "i8"),  # frame at which the ramps of its noise bands began
        ("noise_span", "i8"),
        ("noisy", "i8"),  # 1: some band is heard
        ("noise_from", "f4", (24,)),
        ("noise_to", "f4", (24,)),
    ],
    align=True,
)

MORPH_VOICE = np.dtype(
    [
        ("stage", "i8"),
        ("part", "i8"),
        ("sound", "i8"),
        ("note", "i8"),
        ("key", "i8"),
        ("velocity", "i8"),
        ("start", "i8"),  # frame of the stream at which its note began
        ("position", "i8"),  # 32.32 fixed point in the period of 512 points
        ("step", "i8"),
        ("base_step", "f8"),  # points a frame, without bend
        ("target", "i8"),  # which of its two tables it moves to, 0 or 1
        ("ramp_at", "i8"),  # frame at which it began to
        ("ramp_span", "i8"),
        ("envelope", "f4"),  # at line_at
        ("slope", "f4"),
        ("line_at", "i8"),
        ("release", "f4"),  # natural logarithm of the envelope's factor a frame
        ("frames", "i8"),  # decoded
    ],
    align=True,
)

ZONE_OF_BANK = np.dtype(
    [
        ("key_low", "i4"),
        ("key_high", "i4"),
        ("velocity_low", "i4"),
        ("velocity_high", "i4"),
        ("root_key", "f8"),  # MIDI key, fractional
        ("rate_hz", "f8"),
        ("offset", "i8"),  # of sample 0 in the bank's data
        ("length", "i8"),
        ("loop_start", "i8"),
        ("loop_end", "i8"),
        ("gain", "f4"),
        ("pan", "f4"),
        ("attack_s", "f4"),
        ("decay_s", "f4"),
        ("sustain", "f4"),
        ("release_s", "f4"),
    ],
    align=True,
)

# Who has the floor, and the plan of what the ensemble would play; see engine.rt.floor. The music's
# beat = line_beat + (frame - line_frame) / line_fpb, whether the transport rolls or not.
FLOOR_STATE = np.dtype(
    [
        ("memory", "i8"),  # address of what is shared with the worker; 0: none, nothing runs
        ("mode", "i8"),
        ("who", "i8"),
        ("silence", "f8"),  # beats
        ("bars", "i8"),
        ("length_bars", "i8"),
        ("pedal", "i8"),  # its controller + 1; 0: none
        ("pedal_down", "i8"),
        ("line_frame", "f8"),
        ("line_beat", "f8"),
        ("line_fpb", "f8"),  # frames a beat; 0: not begun
        ("rolling", "i8"),  # the line is the transport's
        ("told_fpb", "f8"),
        ("player_notes", "i8"),  # that are down, waiting or in the pedal
        ("busy", "i8"),  # the player held something when last looked at
        ("quiet_from", "f8"),  # beat since which the player holds nothing
        ("armed", "i8"),  # the player has played: the ensemble may answer
        ("trading", "i8"),
        ("turn", "f8"),  # beat of the next answer, or of the one that sounds, in a trade
        ("ends", "f8"),  # beat at which the ensemble rests
        ("yields", "i8"),  # 1: the past was forgotten, sounding notes of the plan must end
        ("heard", "i8"),  # records of HEARD
        ("heard_notes", "i8"),
        ("read", "i8"),  # records of PLAN
        ("open", "i8"),  # 1: the plan that comes in is wanted
        ("last_beat", "f8"),  # of the plan that comes in
        ("until", "f8"),  # the plan is whole up to there
        ("head", "i8"),  # of plan_pending, counts
        ("tail", "i8"),
        ("sounding", "i8"),  # of plan_sounding
        ("took_frame", "i8"),
        ("awaiting", "i8"),  # since the takeover: 1 a note of the plan, 2 its sound
        ("starved", "i8"),
    ],
    align=True,
)
PLAN_NOTE = np.dtype(
    [
        ("beat", "f8"),
        ("duration", "f8"),
        ("place", "i8"),  # in PLAN
        ("part", "i8"),
        ("pitch", "i8"),
        ("velocity", "i8"),
    ]
)
PLAN_SOUNDS = 128  # notes of the plan that sound at once
PLAN_SOUND = np.dtype([("slot", "i8"), ("id", "i8"), ("end", "f8"), ("place", "i8")])

# A chain of plugins in its slot; `next_` is what takes its place when it has faded out.
CHAIN = np.dtype(
    [
        ("address", "i8"),  # of the memory it shares with its host; 0: none
        ("serial", "i8"),
        ("instrument", "i8"),
        ("lead", "i8"),  # frames its host has to process a frame
        ("latency", "i8"),  # of its plugins, frames
        ("leaving", "i8"),
        ("bypass", "i8"),
        ("origin", "i8"),  # frame of the stream that is its frame 0
        ("good_from", "i8"),  # frame of the chain before which nothing is heard of it
        ("events", "i8"),  # sent
        ("wet", "f4"),  # 0: what went in is heard, 1: what came out of the plugins
        ("rising", "i8"),  # 1: processed audio is there in time
        ("rest_until", "i8"),  # frame before which it does not come back from a miss
        ("rest", "i8"),  # how long the last miss made it rest, frames
        ("keep_until", "i8"),  # frame up to which the delay of one that has gone stays
        ("hung", "i8"),  # an event found no room: a note may hang in the instrument
        ("misses", "i8"),
        ("dry_frames", "i8"),
        ("wrong_samples", "i8"),  # not numbers, or far too loud
        ("events_lost", "i8"),
        ("headroom", "i8"),  # fewest frames processed ahead of need
        ("next_address", "i8"),
        ("next_serial", "i8"),
        ("next_instrument", "i8"),
        ("next_lead", "i8"),
        ("next_latency", "i8"),
        ("next_events", "i8"),
    ],
    align=True,
)

# How late a strip is heard: `delay` frames in all, `latency` of them its plugins' own.
STRIP = np.dtype(
    [
        ("delay", "i8"),
        ("latency", "i8"),
        ("from_delay", "i8"),  # what it cross-fades from
        ("from_latency", "i8"),
        ("fade_at", "i8"),
    ],
    align=True,
)

RAMP = np.dtype([("start", "f4"), ("end", "f4"), ("at", "i8")])

BANK_ENTRY = np.dtype([("zones", "i8"), ("count", "i8"), ("data", "i8"), ("leaving", "i8")])

FLUID_OP = np.dtype([("op", "i4"), ("channel", "i4"), ("a", "i4"), ("b", "i4")])

# The arrays of a rig: name -> element type, shape. A name in a shape is one of LENGTHS.
FIELDS = {
    "state": (STATE, (1,)),
    "stats": (STATS, (1,)),
    "parts": (PART, (MAX_PARTS,)),
    "notes": (NOTE, (MAX_NOTES,)),
    "live": ("i8", (MAX_NOTES,)),  # slots of the notes that are not free
    "held": ("i8", (SOURCES, 16, 128)),  # slot + 1 of the note each key holds
    "pedals": ("i8", (SOURCES, 16)),
    "controllers": ("i8", (128,)),  # the player's
    "taken": ("u1", (16, 260)),  # a channel, a place of engine.rt.learned: 1 = a learned control
    "queue": (QUEUED, (QUEUE,)),
    "transport": (TRANSPORT_STATE, (1,)),
    "transport_words": ("i8", (16,)),  # what engine.transport() reads; see engine.rt.transport
    "clock_in": (CLOCK_IN, (1,)),
    "position": (POSITION, (1,)),
    "beat_queue": (AT_BEAT, (BEATS_WAITING,)),
    "floor": (FLOOR_STATE, (1,)),
    "plan_pending": (PLAN_NOTE, (PENDING,)),  # in order of their beats
    "plan_sounding": (PLAN_SOUND, (PLAN_SOUNDS,)),
    "out_ports": ("i8", (OUT_PORTS,)),  # jack_port_t*, 0 = none
    "out_buffers": ("i8", (OUT_PORTS,)),  # of this cycle, 0 = none
    "out_bytes": ("u1", (8,)),
    "out_held": ("i2", (OUT_PORTS, 16, 128)),  # notes begun and not ended; -1: its end is owed
    "out_ring": (OUT_EVENT, (OUT_RING,)),
    "out_cursor": ("i8", (16,)),
    "event_words": ("i8", ("event_words_size",)),
    "event_values": ("f8", ("event_words_size",)),
    "event_cursor": ("i8", (16,)),
    "command_words": ("i8", ("command_words_size",)),
    "command_values": ("f8", ("command_words_size",)),
    "command_cursor": ("i8", (16,)),
    "results": (RESULT, (RESULTS,)),
    "result_cursor": ("i8", (16,)),
    "voices": (VOICE, ("voices_size",)),
    "active": ("i8", ("voices_size",)),
    "free": ("i8", ("voices_size",)),
    "points": ("f4", (4, QUANTUM)),  # samples around the positions of a voice's run
    "fractions": ("i4", (QUANTUM,)),
    "banks": (BANK_ENTRY, (MAX_BANKS,)),
    "morph": (MORPH_MODEL, (1,)),
    "morphs": (MORPH_ENTRY, (MAX_MORPHS,)),
    "morph_parts": (MORPH_PART, (MAX_PARTS,)),
    "morph_voices": (MORPH_VOICE, (MORPH_POOL,)),
    "morph_active": ("i8", (MORPH_POOL,)),
    "morph_free": ("i8", (MORPH_POOL,)),
    "morph_tables": ("f4", (MORPH_POOL, 2, 520)),  # engine.rt.morph_decoder.GUARDED
    "morph_noise": ("f4", (MORPH_POOL, 2, 24)),  # levels of the bands, as the tables
    "morph_unrest": ("f4", (MORPH_POOL, 88)),  # dB, how far each level has wandered
    "morph_work": ("f4", (2048,)),
    "pads": (PAD, (MAX_PARTS,)),
    "pad_recorded": ("f4", (MAX_PARTS, PATH_POINTS, 2)),  # x and y
    "fluid_ops": (FLUID_OP, (FLUID_OPS,)),
    "fluid_audio": ("f4", (2 * MAX_PARTS, QUANTUM)),
    "fluid_pointers": ("i8", (2 * MAX_PARTS,)),
    "mix": ("f4", (MIX_ROWS, QUANTUM)),
    "chains": (CHAIN, (MAX_CHAINS,)),
    "chain_serials": ("i8", (MAX_CHAINS * 3,)),  # a slot: last attached, next, present
    "strips": (STRIP, (STRIPS,)),
    "lines": ("f4", (2 * STRIPS, LINE_FRAMES)),
    "gains": (RAMP, (2 + RETURNS,)),  # of return A, B and the audio inputs
    "inputs": ("i8", (IN_CHANNELS,)),  # addresses of the block's input buffers, 0 = none
    "input_ports": ("i8", (IN_CHANNELS,)),  # jack_port_t*
    "latency_range": ("u4", (2,)),  # jack_latency_range_t of the latency callback
    "latency_span": ("i8", (2,)),
    "reverb": ("f4", (REVERB_ROWS, "reverb_frames")),
    "reverb_index": ("i8", (2, REVERB_ROWS)),
    "reverb_gains": ("f4", (2, REVERB_LINES)),  # feedback, then the lines' low-pass states
    "chorus": ("f4", (CHORUS_FRAMES,)),
    "outputs": ("i8", (OUT_CHANNELS,)),  # addresses of the block's buffers, 0 = none
    "ports": ("i8", (OUT_CHANNELS,)),  # jack_port_t*
    "native": ("i8", (NATIVE_FUNCTIONS,)),
    "scratch": ("i8", (16,)),
    "tap": ("f4", (OUT_CHANNELS, "tap_frames")),
    "tap_cursor": ("i8", (16,)),
    "class_part": ("i8", ("classes",)),
    "zones": ("i8", ("boundaries",)),
    "last_pitch": ("i8", ("classes",)),
    "chord": ("i8", ("classes", 3)),  # slot, id and key of the notes of the open chord
    "chord_logp": ("f4", ("classes", "classes")),
    "chord_allowed": ("u1", ("classes", "classes")),
    "chord_chances": ("f4", ("classes", "classes")),  # how likely each class is for each note
    "logp": ("f4", ("classes",)),
    "allowed": ("u1", ("classes",)),
    "labels": ("i1", ("classes",)),
    "weights": ("f4", ("weights_size",)),
    "network_state": ("f4", ("network_state_size",)),
    "memory": (MEMORY, (1,)),
}
LENGTHS = (
    "event_words_size",
    "command_words_size",
    "voices_size",
    "reverb_frames",
    "tap_frames",
    "classes",
    "boundaries",
    "weights_size",
    "network_state_size",
)
