"""What can be set while the music plays: names, legal ranges, first values. [any]"""

from dataclasses import dataclass

from engine.rt import layout
from engine.rt import pad_memory as pads


@dataclass(frozen=True)
class Parameter:
    """A parameter of the callback: its number, legal range, and what it starts as."""

    number: int
    low: float
    high: float
    initial: float
    whole: bool = False


PART_PARAMETERS = {
    "gain_db": Parameter(layout.GAIN, -60, 12, 0.0),
    "pan": Parameter(layout.PAN, -1, 1, 0.0),
    "mute": Parameter(layout.MUTE, 0, 1, 0.0, whole=True),
    "solo": Parameter(layout.SOLO, 0, 1, 0.0, whole=True),
    "reverb_send": Parameter(layout.REVERB_SEND, 0, 1, 0.0),
    "chorus_send": Parameter(layout.CHORUS_SEND, 0, 1, 0.0),
    "send_a": Parameter(layout.SEND_A, 0, 1, 0.0),
    "send_b": Parameter(layout.SEND_B, 0, 1, 0.0),
    "continues": Parameter(layout.CONTINUES, 0, 1, 1.0, whole=True),
    "playing": Parameter(layout.PART_PLAYING, 0, 1, 1.0, whole=True),
    "home": Parameter(layout.HOME, -1, 127, -1.0, whole=True),
    "lock_low": Parameter(layout.LOCK_LOW, -1, 127, -1.0, whole=True),
    "lock_high": Parameter(layout.LOCK_HIGH, -1, 127, -1.0, whole=True),
    "pin_channel": Parameter(layout.PIN_CHANNEL, 0, 16, 0.0, whole=True),
    "keyswitch": Parameter(layout.KEYSWITCH, -1, 127, -1.0, whole=True),
    "doubles": Parameter(layout.DOUBLES, 0, 16, 0.0, whole=True),
    "double_octaves": Parameter(layout.DOUBLE_OCTAVES, -2, 2, 0.0, whole=True),
    # Of the pad of a part with a morph sound; the sound says how they begin.
    "morph_x": Parameter(pads.PAD_X, 0, 1, 0.5),
    "morph_y": Parameter(pads.PAD_Y, 0, 1, 0.5),
    "morph_mode": Parameter(pads.PAD_MODE, 0, 1, 0.0, whole=True),
    "morph_texture": Parameter(pads.PAD_TEXTURE, 0, 1, 0.5),
    "morph_play": Parameter(pads.PAD_PLAY, 0, 1, 0.0, whole=True),
    "morph_loop": Parameter(pads.PAD_LOOP, 0, 1, 1.0, whole=True),
}
GLOBAL_PARAMETERS = {
    "master_gain_db": Parameter(layout.MASTER_GAIN, -60, 12, 0.0),
    "chord_window_ms": Parameter(layout.CHORD_WINDOW, 0, 45, 0.0),
    "chord_mode": Parameter(layout.CHORD_MODE, 0, 1, 0.0, whole=True),
    "assigner": Parameter(layout.ASSIGNER, 0, 2, 0.0, whole=True),
    "keyswitch_mode": Parameter(layout.KEYSWITCH_MODE, 0, 1, 0.0, whole=True),
    "solo_hold": Parameter(layout.SOLO_HOLD, 0, 16, 0.0, whole=True),
    "low_confidence": Parameter(layout.LOW_CONFIDENCE, 0, 3, 0.0, whole=True),
    "confidence": Parameter(layout.CONFIDENCE, 0, 1, 0.5),
    "panic_cc": Parameter(layout.PANIC_CC, -1, 127, 119.0, whole=True),
    "control": Parameter(layout.CONTROL, 0, 1, 1.0, whole=True),
    "return_a_db": Parameter(layout.RETURN_A, -60, 12, 0.0),
    "return_b_db": Parameter(layout.RETURN_B, -60, 12, 0.0),
    "input_1_gain_db": Parameter(layout.INPUT_1, -60, 12, 0.0),
    "input_2_gain_db": Parameter(layout.INPUT_2, -60, 12, 0.0),
    "latency_compensation": Parameter(layout.COMPENSATION, 0, 1, 1.0, whole=True),
    "tempo_bpm": Parameter(layout.TEMPO, 20, 400, 120.0),
    "beats_per_bar": Parameter(layout.BEATS_PER_BAR, 1, 16, 4.0, whole=True),
    "rolling": Parameter(layout.ROLLING, 0, 1, 0.0, whole=True),
    "sync_source": Parameter(layout.SYNC_SOURCE, 0, 4, 0.0, whole=True),
    "jack_master": Parameter(layout.JACK_MASTER, 0, 1, 0.0, whole=True),
    "clock_out": Parameter(layout.CLOCK_OUT, 0, 1, 0.0, whole=True),
    "midi_out_mode": Parameter(layout.MIDI_OUT_MODE, 0, 1, 0.0, whole=True),
    "send_programs": Parameter(layout.SEND_PROGRAMS, 0, 1, 1.0, whole=True),
    "click": Parameter(layout.CLICK, 0, 2, 0.0, whole=True),
    "click_gain_db": Parameter(layout.CLICK_GAIN, -60, 12, -12.0),
    "continuation_mode": Parameter(layout.FLOOR_MODE, 0, 4, 0.0, whole=True),
    "continuation_silence_beats": Parameter(layout.FLOOR_SILENCE, 0.25, 16, 2.0),
    "continuation_bars": Parameter(layout.FLOOR_BARS, 1, 16, 4.0, whole=True),
    "continuation_length_bars": Parameter(layout.FLOOR_LENGTH, 0, 256, 0.0, whole=True),
    "continuation_pedal": Parameter(layout.FLOOR_PEDAL, -1, 127, -1.0, whole=True),
    # What follows is the worker's alone.
    "continuation_temperature": Parameter(-1, 0.1, 2, 1.0),
    "continuation_density": Parameter(-1, -1, 1, 0.0),
    "continuation_variation": Parameter(-1, 0, 1, 0.3),
    "continuation_memory_beats": Parameter(-1, 8, 256, 64.0, whole=True),
    "continuation_seed": Parameter(-1, 0, 2**31 - 1, 0.0, whole=True),
}
CHORD_MODES = ("wait", "settle")
SYNC_SOURCES = ("internal", "jack", "midi_clock", "link", "playing")
MIDI_OUT_MODES = ("channels", "ports")
MORPH_MODES = ("latent", "baseline")
CONTINUATION_MODES = ("off", "takeover", "trade", "accompany", "vary")
CLICKS = ("off", "count_in", "always")
KEYSWITCH_MODES = ("hold", "latch")
LOW_CONFIDENCE = ("off", "nearest", "last", "tutti")
# What a part's or an ensemble's preset says of them, set when the ensemble is.
PART_HINTS = (
    "playing",
    "home",
    "lock_low",
    "lock_high",
    "pin_channel",
    "keyswitch",
    "doubles",
    "double_octaves",
)
PAD_PARAMETERS = tuple(name for name in PART_PARAMETERS if name.startswith("morph_"))
ASSIGNERS = ("network", "zones", "closest")
