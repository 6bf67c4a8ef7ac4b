"""Rows of the OSC address table: asking, playing, the mixer, the clock. Pure data. [any]"""

from __future__ import annotations

from engine.address_row import (
    ASSIGNERS,
    CHORD_MODES,
    CLICKS,
    CONTROLS,
    JSON,
    KEYSWITCH_MODES,
    LEASE_RANGE_S,
    LEASE_S,
    LOW_CONFIDENCE,
    MIDI_OUT_MODES,
    SAME,
    SECTIONS,
    SYNC_SOURCES,
    TOPICS,
    TRIGGER,
    Address,
    Argument,
    ask,
    button,
    may,
    number,
    of_part,
    parameter,
    setting,
    switch,
    text,
    whole,
)

GENERAL = (
    ask("/ripieno/version", "which program, which version of this table", "s version, i table"),
    Address(
        "/ripieno/state",
        "everything that can be set and is connected, or one section of it",
        may(text("section", *SECTIONS)),
        JSON,
    ),
    ask("/ripieno/statistics", "xruns, delays, callback load, voices, levels, notes sounding"),
    ask("/ripieno/histograms", "how often each delay and each load of the callback was seen"),
    button("/ripieno/statistics/reset", "count xruns, delays and loads from zero again"),
    ask("/ripieno/latency", "every path from a key to the speaker, in frames and ms, by cause"),
    Address(
        "/ripieno/subscribe",
        "send me statistics (10 a second), events (as they sound), state (all of it when "
        "something changed), changes (each setting that changed, by its own address), plan (what "
        "the ensemble would play) or attention (what its network looks at) until the "
        f"lease ends ({LEASE_S:g} s if not given); subscribe again to renew",
        (*text("topic", *TOPICS), Argument("lease_s", "f", *LEASE_RANGE_S, optional=True)),
        "/ripieno/subscribed s topic, f lease_s",
    ),
    Address(
        "/ripieno/unsubscribe",
        "stop sending me this",
        text("topic", *TOPICS),
        "/ripieno/unsubscribed s topic",
    ),
    button("/ripieno/panic", "silence every note on every part and port, now"),
    Address("/ripieno/quit", "end the recording, fade out and leave", local=True),
)

PLAYING = (
    ask("/ripieno/ensembles", "the ensembles there are", "s id, once for each"),
    ask("/ripieno/ensembles/details", "the ensembles with names, tags, parts"),
    setting(
        "/ripieno/ensemble",
        "play with this ensemble from now on; sounding notes ring out",
        text("id"),
    ),
    parameter(
        "/ripieno/chord_window",
        "how long a chord may wait for its last note, ms",
        number("ms", 0, 45),
        "chord_window_ms",
    ),
    parameter(
        "/ripieno/chord_mode",
        "wait: sound when the chord is complete; settle: sound at once, then move by a short fade",
        text("mode", *CHORD_MODES),
        "chord_mode",
    ),
    parameter(
        "/ripieno/assigner",
        "who gives a note its part: the network, fixed zones, or the part that played closest",
        text("name", *ASSIGNERS),
        "assigner",
    ),
    parameter(
        "/ripieno/control",
        "who has the floor: take it (player) or hand it over (ensemble)",
        text("who", *CONTROLS),
        "control",
    ),
    Address(
        "/ripieno/panic_cc",
        "the MIDI controller that means panic; -1 for none",
        whole("controller", -1, 127),
        SAME,
        "panic_cc",
        setting=True,
    ),
    Address(
        "/ripieno/key",
        "a key of the keyboard goes down, or with velocity 0 up; it comes up by itself after 30 s",
        (*whole("pitch", 0, 127), *whole("velocity", 0, 127)),
    ),
    Address(
        "/ripieno/part/{part}/key",
        "the same for one part, past the part separation",
        (*whole("pitch", 0, 127), *whole("velocity", 0, 127)),
    ),
    Address(
        "/ripieno/file",
        'play this MIDI file as if at the keyboard; "" is the demo\'s chorale',
        text("path"),
        local=True,
        slow=True,
    ),
    button("/ripieno/file/stop", "stop the file that plays"),
    of_part("program", "General MIDI program of a part, from 0"),
    of_part("bank", "bank of the SoundFont a part's program is in"),
    of_part("low", "lowest key a part may play"),
    of_part("high", "highest key a part may play"),
    of_part("polyphony", "how many notes a part may hold; the oldest yields"),
    of_part("sound", "what makes a part's sound"),
    of_part("midi_channel", "a part's channel, in files and on ports"),
)

HINTS = (
    parameter(
        "/ripieno/part/{part}/playing",
        "0: a part is out and gets no notes of the player's",
        switch("playing"),
        "playing",
    ),
    parameter(
        "/ripieno/part/{part}/home",
        "the key about which a part tends to lie: notes near it are likelier its; -1 for none",
        whole("key", -1, 127),
        "home",
    ),
    parameter(
        "/ripieno/part/{part}/lock_low",
        "keys from here to lock_high are always this part's; -1 for none",
        whole("key", -1, 127),
        "lock_low",
    ),
    parameter(
        "/ripieno/part/{part}/lock_high",
        "the other end of these keys; -1 for none",
        whole("key", -1, 127),
        "lock_high",
    ),
    parameter(
        "/ripieno/part/{part}/pin_channel",
        "notes of this channel of the keyboard are this part's; 0 for none",
        whole("channel", 0, 16),
        "pin_channel",
    ),
    parameter(
        "/ripieno/part/{part}/keyswitch",
        "this key does not sound but gives the next notes to the part; -1 for none",
        whole("key", -1, 127),
        "keyswitch",
    ),
    parameter(
        "/ripieno/part/{part}/doubles",
        "the number of the part whose notes this one plays too; 0 for none",
        whole("part", 0, 16),
        "doubles",
    ),
    parameter(
        "/ripieno/part/{part}/double_octaves",
        "how many octaves above or below it does so",
        whole("octaves", -2, 2),
        "double_octaves",
    ),
    parameter(
        "/ripieno/keyswitch_mode",
        "hold: a keyswitch holds while its key is down; latch: until it is pressed again",
        text("mode", *KEYSWITCH_MODES),
        "keyswitch_mode",
    ),
    parameter(
        "/ripieno/solo_hold",
        "while set, every note goes to the part of this number; 0 for none",
        whole("part", 0, 16),
        "solo_hold",
    ),
    parameter(
        "/ripieno/low_confidence",
        "a note the network is not sure of goes where the network says (off), to the part that "
        "played nearest, to the part of the last note, or to all parts that have it (tutti)",
        text("rule", *LOW_CONFIDENCE),
        "low_confidence",
    ),
    parameter(
        "/ripieno/confidence",
        "the probability below which the network is not sure",
        number("probability", 0, 1),
        "confidence",
    ),
)

MIXER = (
    parameter(
        "/ripieno/master/gain",
        "level of the master, dB; -60 is silent",
        number("db", -60, 12),
        "master_gain_db",
    ),
    parameter(
        "/ripieno/part/{part}/gain",
        "level of a part, dB; -60 is silent",
        number("db", -60, 12),
        "gain_db",
    ),
    parameter(
        "/ripieno/part/{part}/pan", "place of a part, left to right", number("pan", -1, 1), "pan"
    ),
    parameter("/ripieno/part/{part}/mute", "silence a part", switch("mute"), "mute"),
    parameter(
        "/ripieno/part/{part}/solo", "hear only the parts with solo on", switch("solo"), "solo"
    ),
    parameter(
        "/ripieno/part/{part}/reverb",
        "how much of a part goes to the reverb",
        number("send", 0, 1),
        "reverb_send",
    ),
    parameter(
        "/ripieno/part/{part}/chorus",
        "how much of a part goes to the chorus",
        number("send", 0, 1),
        "chorus_send",
    ),
    parameter(
        "/ripieno/part/{part}/send_a",
        "how much of a part goes to send A",
        number("send", 0, 1),
        "send_a",
    ),
    parameter(
        "/ripieno/part/{part}/send_b",
        "how much of a part goes to send B",
        number("send", 0, 1),
        "send_b",
    ),
    parameter(
        "/ripieno/return/a/gain",
        "level of what comes back from send A, dB",
        number("db", -60, 12),
        "return_a_db",
    ),
    parameter(
        "/ripieno/return/b/gain",
        "level of what comes back from send B, dB",
        number("db", -60, 12),
        "return_b_db",
    ),
    parameter(
        "/ripieno/input/1/gain",
        "level of the first stereo audio input, dB",
        number("db", -60, 12),
        "input_1_gain_db",
    ),
    parameter(
        "/ripieno/input/2/gain",
        "level of the second, dB",
        number("db", -60, 12),
        "input_2_gain_db",
    ),
    parameter(
        "/ripieno/latency/compensation",
        "1: parts without plugins wait for those with, so that all sound together",
        switch("on"),
        "latency_compensation",
    ),
)

TRANSPORT = (
    ask("/ripieno/transport", "where the transport is, who leads it, and what goes out"),
    parameter(
        "/ripieno/tempo", "tempo, quarter notes a minute", number("bpm", 20, 400), "tempo_bpm"
    ),
    Address(
        "/ripieno/transport/start",
        "roll from the present beat; with a count-in from beat 0, after so many bars",
        may(whole("count_in_bars", 0, 8)),
        learn=TRIGGER,
    ),
    button("/ripieno/transport/stop", "stand still at the present beat"),
    Address(
        "/ripieno/transport/locate",
        "go to a beat, in quarter notes from the beginning",
        number("beat", 0, 100000),
    ),
    button("/ripieno/transport/tap", "tap a beat: from the second on the tempo follows"),
    parameter(
        "/ripieno/transport/beats_per_bar",
        "quarter notes in a bar",
        whole("beats", 1, 16),
        "beats_per_bar",
    ),
    parameter(
        "/ripieno/transport/rolling",
        "1: the transport rolls from where it stands; 0: it stands",
        switch("rolling"),
        "rolling",
    ),
    parameter(
        "/ripieno/transport/source",
        "who leads the transport; it goes on from the same beat",
        text("source", *SYNC_SOURCES),
        "sync_source",
    ),
    parameter(
        "/ripieno/transport/jack_master",
        "1: tell JACK's other programs bar, beat and tempo",
        switch("master"),
        "jack_master",
    ),
    parameter(
        "/ripieno/transport/click",
        "when a click is heard in the master: never, while counting in, always",
        text("when", *CLICKS),
        "click",
    ),
    parameter(
        "/ripieno/transport/click_gain",
        "level of the click, dB; -60 is silent",
        number("db", -60, 12),
        "click_gain_db",
    ),
    parameter(
        "/ripieno/midi_out/clock",
        "1: send MIDI clock, start, stop, continue and song position",
        switch("clock"),
        "clock_out",
    ),
    parameter(
        "/ripieno/midi_out/mode",
        "a channel a part on one port, or a port a part",
        text("mode", *MIDI_OUT_MODES),
        "midi_out_mode",
    ),
    parameter(
        "/ripieno/midi_out/programs",
        "1: send each part's bank and program",
        switch("programs"),
        "send_programs",
    ),
    button(
        "/ripieno/midi_out/announce", "send every part's bank and program, as to a new instrument"
    ),
    Address(
        "/ripieno/midi_out/port",
        "send to channels or ports of our own, or to the output whose name contains this",
        text("name"),
        slow=True,
    ),
)
