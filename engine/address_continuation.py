"""Rows of the OSC address table: how the ensemble plays on by itself. Pure data. [any]"""

from __future__ import annotations

from engine.address_row import (
    CONTINUATION_MODES,
    SAME,
    Address,
    button,
    number,
    parameter,
    switch,
    text,
    whole,
)

CONTINUATION = (
    parameter(
        "/ripieno/continuation/mode",
        "off; takeover: the ensemble plays on when the player has stopped; trade: so many bars "
        "each; accompany: both play, the ensemble the other parts; vary: it plays the last bars "
        "again, some notes drawn anew",
        text("mode", *CONTINUATION_MODES),
        "continuation_mode",
    ),
    parameter(
        "/ripieno/continuation/silence",
        "after how many beats without a key or pedal held the ensemble takes over",
        number("beats", 0.25, 16),
        "continuation_silence_beats",
    ),
    parameter(
        "/ripieno/continuation/bars",
        "bars of a turn when trading, bars that are varied",
        whole("bars", 1, 16),
        "continuation_bars",
    ),
    parameter(
        "/ripieno/continuation/length",
        "bars the ensemble plays before it rests; 0: until the player returns",
        whole("bars", 0, 256),
        "continuation_length_bars",
    ),
    parameter(
        "/ripieno/continuation/temperature",
        "how freely the ensemble invents: low is safe, high is wild",
        number("temperature", 0.1, 2),
        "continuation_temperature",
    ),
    parameter(
        "/ripieno/continuation/density",
        "fewer notes (-1) or more (1) than the model likes (0)",
        number("density", -1, 1),
        "continuation_density",
    ),
    parameter(
        "/ripieno/continuation/variation",
        "how much of what is varied is drawn anew",
        number("share", 0, 1),
        "continuation_variation",
    ),
    parameter(
        "/ripieno/continuation/memory",
        "how many beats back the ensemble remembers",
        whole("beats", 8, 256),
        "continuation_memory_beats",
    ),
    parameter(
        "/ripieno/continuation/seed",
        "what the ensemble's chance begins with: the same again plays the same again, offline",
        whole("seed", 0, 2**31 - 1),
        "continuation_seed",
    ),
    Address(
        "/ripieno/continuation/pedal",
        "the MIDI controller that starts and stops the ensemble, kept from the parts; -1 for none",
        whole("controller", -1, 127),
        SAME,
        "continuation_pedal",
        setting=True,
    ),
    button("/ripieno/continuation/start", "let the ensemble take over now"),
    button("/ripieno/continuation/stop", "let it yield now, until the player has played again"),
    parameter(
        "/ripieno/part/{part}/continues",
        "1: the ensemble may play this part by itself",
        switch("continues"),
        "continues",
    ),
)
