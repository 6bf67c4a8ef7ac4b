"""The transport: one model of tempo and beat inside the callback, whoever leads it. [audio]

While it rolls, beat = anchor_beat + (frame - anchor_frame) / frames_per_beat, in quarter notes;
beats below 0 are a count-in. A change moves the anchor to its own frame, so what was due before
stays where it was. Everything bound to a beat keeps its beat and finds its frame anew: the clock
going out (24 ticks a beat, counted, so that none is lost or doubled), clicks, and the events that
wait for a beat. A jump or a stop voids those that wait, except what ends notes: that acts at once.
"""

import numpy as np

from engine.rt.layout import (
    ALIGN,
    ALWAYS_CLICK,
    BEATS_PER_BAR,
    BEATS_WAITING,
    CLICK,
    CLICK_GAIN,
    CLOCK_OUT,
    FROM_EVENT,
    INTERNAL,
    JACK_MASTER,
    LINK,
    LOCATE,
    MIDI_CLOCK,
    NO_CLICK,
    PART_MIDI,
    PLAYING,
    ROLLING,
    SYNC_SOURCE,
    TEMPO,
    TRANSPORT,
)
from engine.rt.midi_out import send
from engine.rt.mixer import MASTER_LEFT, MASTER_RIGHT
from engine.rt.native import rt, store_release
from engine.rt.queue import schedule
from engine.rt.results import emit

TICKS = 24  # a beat
TICKS_OF_POSITION = 6  # a song position counts sixteenths
HIGHEST_POSITION = (1 << 14) - 1
START, CONTINUE, STOP, SONG_POSITION, TICK = 0xFA, 0xFB, 0xFC, 0xF2, 0xF8
SLIP_BEATS = 1.0 / 12.0  # a correction beyond this is a jump
NEAR = 1e-6  # beats or frames that are the same
TOLD_BEATS = 0.002  # how far from the last report's line the beat may go untold
TOLD_TEMPO = 2e-4  # the same of its tempo, relative
FRACTION = 1 << 30  # of a beat, in a report
SHOWN_BEAT, SHOWN_TEMPO = float(1 << 32), 1e6  # units of transport_words
CLICK_S, CLICK_FALL_S = 0.04, 0.006
ACCENT_HZ, PLAIN_HZ = 1760.0, 1174.66


@rt
def beat_at(rig, frame):
    """Return the beat at a frame. [audio]"""
    t = rig.transport[0]
    if t.rolling == 0:
        return t.anchor_beat
    return t.anchor_beat + (frame - t.anchor_frame) / t.frames_per_beat


@rt
def _frame_at(rig, beat):
    """Return the first frame at which a beat has come, as the transport rolls now. [audio]"""
    t = rig.transport[0]
    return np.int64(np.ceil(t.anchor_frame + (beat - t.anchor_beat) * t.frames_per_beat - NEAR))


@rt
def tempo_bpm(rig):
    """Return the tempo in quarter notes a minute. [audio]"""
    return 60.0 * rig.state[0].rate_hz / rig.transport[0].frames_per_beat


@rt
def keep_time(rig):
    """Do what the transport has due at this frame. [audio]"""
    t = rig.transport[0]
    t.moved = 0
    frame = rig.state[0].frame
    if t.rolling == 0:
        if t.clock_out != 0:
            while t.idle_frame <= frame:
                send(rig, 0, TICK, 0, 0, 1)
                t.idle_frame += t.frames_per_beat / TICKS
        return
    if t.clock_out != 0:
        while _frame_at(rig, t.next_tick / TICKS) <= frame:
            _send_tick(rig)
    if t.click != NO_CLICK:
        while _frame_at(rig, np.float64(t.next_click)) <= frame:
            _strike_click(rig, t.next_click)
            t.next_click += 1
    while t.waiting > 0 and _frame_at(rig, rig.beat_queue[0].beat) <= frame:
        packed = rig.beat_queue[0].packed
        _drop_first(rig)
        schedule(rig, frame, FROM_EVENT, packed, 0.0)


@rt
def frames_to_time(rig):
    """Return the frames from now to what the transport has due next; at least 1. [audio]"""
    t = rig.transport[0]
    frame = rig.state[0].frame
    due = frame + (1 << 30)
    if t.rolling == 0:
        if t.clock_out != 0:
            due = min(due, np.int64(np.ceil(t.idle_frame)))
        return max(due - frame, 1)
    if t.clock_out != 0:
        due = min(due, _frame_at(rig, t.next_tick / TICKS))
    if t.click != NO_CLICK:
        due = min(due, _frame_at(rig, np.float64(t.next_click)))
    if t.waiting > 0:
        due = min(due, _frame_at(rig, rig.beat_queue[0].beat))
    return max(due - frame, 1)


# What changes it


@rt
def set_transport(rig, parameter, value):
    """Set a parameter of the transport from this frame on. [audio]"""
    t = rig.transport[0]
    number = np.int64(value)
    t.moved = 1
    if parameter == TEMPO:
        if value > 0.0:
            set_tempo(rig, 60.0 * rig.state[0].rate_hz / value)
            if t.source == PLAYING and t.locked == 0:
                t.locked = 1
                tell(rig)
    elif parameter == ROLLING:
        if t.source == MIDI_CLOCK and number != 0 and t.locked != 0:
            rig.clock_in[0].start = 1  # with its next tick
        else:
            roll(rig, number)
    elif parameter == SYNC_SOURCE:
        _set_source(rig, number)
    elif parameter == BEATS_PER_BAR:
        t.beats_per_bar = max(number, 1)
        tell(rig)
    elif parameter == LOCATE:
        locate(rig, value)
        rig.clock_in[0].song_tick = np.int64(np.ceil(value * TICKS - NEAR))
    elif parameter == ALIGN:
        align(rig, value)
        if t.source == LINK and t.locked == 0:
            t.locked = 1
            tell(rig)
    elif parameter == CLOCK_OUT:
        _set_clock_out(rig, number)
    elif parameter == CLICK:
        t.click = number
        t.next_click = _next(beat_at(rig, rig.state[0].frame), 1)
    elif parameter == CLICK_GAIN:
        t.click_gain = value
    elif parameter == JACK_MASTER:
        t.jack_master = number
        t.jack_frame = -1


@rt
def _next(beat, division):
    """Return the number of the first division of a beat that is not before it. [audio]"""
    return np.int64(np.ceil(beat * division - NEAR))


@rt
def set_anchor(rig, frame, beat):
    """Let a beat fall on a frame (fractional), from now on. [audio]"""
    t = rig.transport[0]
    t.anchor_frame = frame
    t.anchor_beat = beat


@rt
def set_tempo(rig, frames_per_beat):
    """Take another tempo from this frame on; the beat goes on from where it is. [audio]"""
    t = rig.transport[0]
    frame = rig.state[0].frame
    set_anchor(rig, np.float64(frame), beat_at(rig, frame))
    left = (t.idle_frame - frame) / t.frames_per_beat
    t.idle_frame = frame + max(left, 0.0) * frames_per_beat
    t.frames_per_beat = frames_per_beat
    tell_if_new(rig)


@rt
def roll(rig, rolling):
    """Start at the present beat, or stop there. [audio]"""
    t = rig.transport[0]
    frame = rig.state[0].frame
    if t.rolling == rolling:
        return
    t.moved = 1
    beat = beat_at(rig, frame)
    if rolling == 0:
        if t.clock_out != 0:
            t.idle_frame = np.float64(_frame_at(rig, t.next_tick / TICKS))
            if t.start_status == 0:
                send(rig, 0, STOP, 0, 0, 1)
        t.start_status = 0
        _void_waiting(rig)
    set_anchor(rig, np.float64(frame), beat)
    t.rolling = rolling
    if rolling != 0:
        _begin_from(rig, beat)
    tell(rig)


@rt
def locate(rig, beat):
    """Go to a beat, rolling or not. [audio]"""
    t = rig.transport[0]
    t.moved = 1
    _void_waiting(rig)
    if t.rolling != 0 and t.clock_out != 0 and t.start_status == 0:
        send(rig, 0, STOP, 0, 0, 1)
    set_anchor(rig, np.float64(rig.state[0].frame), beat)
    if t.rolling != 0:
        _begin_from(rig, beat)
    elif t.clock_out != 0:
        _send_position(rig, beat)
    tell(rig)


@rt
def align(rig, beat):
    """Correct the beat of this frame: by a little unheard, beyond that it is a jump. [audio]"""
    frame = rig.state[0].frame
    if abs(beat - beat_at(rig, frame)) > SLIP_BEATS:
        locate(rig, beat)
    else:
        set_anchor(rig, np.float64(frame), beat)
        tell_if_new(rig)


@rt
def _set_source(rig, source):
    """Let somebody else lead; tempo, beat and rolling stay what they are. [audio]"""
    t = rig.transport[0]
    frame = rig.state[0].frame
    set_anchor(rig, np.float64(frame), beat_at(rig, frame))
    t.source = source
    t.locked = 1 if source == INTERNAL else 0
    t.jack_frame = -1
    rig.clock_in[0].place = 1
    rig.clock_in[0].start = 0
    tell(rig)


@rt
def _begin_from(rig, beat):
    """Count ticks and clicks on from a beat; tell who follows the clock where it begins. [audio]"""
    t = rig.transport[0]
    t.next_tick = _next(beat, TICKS)
    t.next_click = _next(beat, 1)
    if t.clock_out == 0:
        return
    if beat <= NEAR:
        t.start_status = START
        t.start_tick = 0
    else:
        sixteenth = min(_next(beat, TICKS // TICKS_OF_POSITION), HIGHEST_POSITION)
        _send_position(rig, beat)
        t.start_status = CONTINUE
        t.start_tick = max(sixteenth * TICKS_OF_POSITION, t.next_tick)


@rt
def _send_position(rig, beat):
    """Send the song position of the first sixteenth not before a beat. [audio]"""
    sixteenth = _next(max(beat, 0.0), TICKS // TICKS_OF_POSITION)
    sixteenth = min(sixteenth, HIGHEST_POSITION)
    send(rig, 0, SONG_POSITION, sixteenth & 127, sixteenth >> 7, 3)


@rt
def _send_tick(rig):
    """Send the next tick, and before it the start or continue that is due with it. [audio]"""
    t = rig.transport[0]
    if t.start_status != 0 and t.next_tick >= t.start_tick:
        send(rig, 0, t.start_status, 0, 0, 1)
        t.start_status = 0
    send(rig, 0, TICK, 0, 0, 1)
    t.next_tick += 1


@rt
def _set_clock_out(rig, wanted):
    """Begin or end to send a clock. [audio]"""
    t = rig.transport[0]
    if wanted == t.clock_out:
        return
    if wanted == 0 and t.rolling != 0 and t.start_status == 0:
        send(rig, 0, STOP, 0, 0, 1)
    t.clock_out = wanted
    t.start_status = 0
    frame = rig.state[0].frame
    t.idle_frame = np.float64(frame)
    if wanted != 0 and t.rolling != 0:
        _begin_from(rig, beat_at(rig, frame))


# Events that wait for a beat: a heap, as engine.rt.queue is


@rt
def wait_for_beat(rig, packed, beat):
    """Let a part's message wait for its beat; one that is late acts at once. [audio]"""
    t = rig.transport[0]
    state = rig.state[0]
    packed = packed & ~np.int64(0xFF) | PART_MIDI
    if t.waiting == BEATS_WAITING:
        if _strikes(packed):
            rig.stats[0].dropped_events += 1
        else:
            schedule(rig, state.frame, FROM_EVENT, packed, 0.0)
        return
    heap = rig.beat_queue
    state.order += 1
    i = t.waiting
    t.waiting += 1
    t.moved = 1
    while i > 0:
        parent = (i - 1) >> 1
        if heap[parent].beat <= beat:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i].beat = beat
    heap[i].order = state.order
    heap[i].packed = packed


@rt
def _drop_first(rig):
    """Take the first off those that wait, of which there must be one. [audio]"""
    t = rig.transport[0]
    heap = rig.beat_queue
    t.waiting -= 1
    size = t.waiting
    i = 0
    while size > 0:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and _before(heap[child + 1], heap[child]):
            child += 1
        if not _before(heap[child], heap[size]):
            break
        heap[i] = heap[child]
        i = child
    if size > 0:
        heap[i] = heap[size]


@rt
def _before(x, y):
    return x.beat < y.beat or (x.beat == y.beat and x.order < y.order)


@rt
def _strikes(packed):
    """Return whether an event begins a note. [audio]"""
    return packed >> 8 & 0xF0 == 0x90 and packed >> 24 & 0x7F != 0


@rt
def _void_waiting(rig):
    """The beats of what waits will not come: begin nothing more, end what sounds. [audio]"""
    t = rig.transport[0]
    for i in range(t.waiting):
        packed = rig.beat_queue[i].packed
        if not _strikes(packed):
            schedule(rig, rig.state[0].frame, FROM_EVENT, packed, 0.0)
    t.waiting = 0


# The click


@rt
def _strike_click(rig, beat):
    """Begin a click, a higher one on a bar's first beat. [audio]"""
    t = rig.transport[0]
    if beat >= 0 and t.click != ALWAYS_CLICK:
        return
    t.click_age = 0
    t.click_hz = ACCENT_HZ if beat % t.beats_per_bar == 0 else PLAIN_HZ


@rt
def render_click(rig, count):
    """Add the click to the master. [audio]"""
    t = rig.transport[0]
    if t.click_age < 0:
        return
    rate_hz = rig.state[0].rate_hz
    left = rig.mix[MASTER_LEFT]
    right = rig.mix[MASTER_RIGHT]
    for n in range(count):
        second = (t.click_age + n) / rate_hz
        fall = np.exp(-second / CLICK_FALL_S)
        sample = np.float32(t.click_gain * fall * np.sin(2.0 * np.pi * t.click_hz * second))
        left[n] += sample
        right[n] += sample
    t.click_age += count
    if t.click_age > CLICK_S * rate_hz:
        t.click_age = -1


# What it tells


@rt
def tell(rig):
    """Report where the transport is. [audio]"""
    t = rig.transport[0]
    frame = rig.state[0].frame
    beat = beat_at(rig, frame)
    t.told_frame = frame
    t.told_beat = beat
    t.told_frames_per_beat = t.frames_per_beat
    whole = np.floor(beat)
    part_of_beat = np.int64((beat - whole) * FRACTION)
    flags = t.rolling | t.locked << 1
    tempo = np.float32(tempo_bpm(rig))
    emit(rig, TRANSPORT, -1, np.int64(whole), part_of_beat, tempo, flags, t.source, t.beats_per_bar)


@rt
def tell_if_new(rig):
    """Report if the last report no longer says where the beat is. [audio]"""
    t = rig.transport[0]
    frame = rig.state[0].frame
    told = t.told_beat
    if t.rolling != 0:
        told += (frame - t.told_frame) / t.told_frames_per_beat
    tempo_moved = abs(t.frames_per_beat - t.told_frames_per_beat) > TOLD_TEMPO * t.frames_per_beat
    if tempo_moved or abs(beat_at(rig, frame) - told) > TOLD_BEATS:
        tell(rig)


@rt
def show(rig):
    """Leave the present state for whoever asks, between two counts that differ by one. [audio]"""
    t = rig.transport[0]
    words = rig.transport_words
    frame = rig.state[0].frame
    turn = words[0]
    store_release(words, 0, turn + 1)
    store_release(words, 1, frame)
    store_release(words, 2, np.int64(beat_at(rig, frame) * SHOWN_BEAT))
    store_release(words, 3, np.int64(tempo_bpm(rig) * SHOWN_TEMPO + 0.5))
    store_release(words, 4, t.rolling)
    store_release(words, 5, t.source)
    store_release(words, 6, t.beats_per_bar)
    store_release(words, 7, t.locked)
    store_release(words, 0, turn + 2)
