"""Rows of the OSC address table: the pads of parts with morph sounds. Pure data. [any]"""

from __future__ import annotations

from engine.address_row import (
    MORPH_INTERPOLATIONS,
    MORPH_MODES,
    VALUE,
    Address,
    ask,
    number,
    parameter,
    setting,
    switch,
    text,
)

PART = "/ripieno/part/{part}/morph"
MORPH = (
    ask("/ripieno/morph/sounds", "the morph sounds there are, with tags and instruments"),
    setting(
        f"{PART}/sound",
        'the morph sound a part plays, by its name or file; "" for none, then its instrument',
        text("sound"),
    ),
    parameter(
        f"{PART}/x",
        "where the puck was put, from left to right; what moves it is added",
        number("x", 0, 1),
        "morph_x",
    ),
    parameter(f"{PART}/y", "the same from bottom to top", number("y", 0, 1), "morph_y"),
    parameter(
        f"{PART}/mode",
        "latent: the sound goes through the latent space; baseline: the anchors' levels "
        "cross-fade in dB",
        text("mode", *MORPH_MODES),
        "morph_mode",
    ),
    setting(
        f"{PART}/interpolation",
        "how the points of the trajectory are joined",
        text("interpolation", *MORPH_INTERPOLATIONS),
        learn=VALUE,
    ),
    parameter(
        f"{PART}/texture",
        "how much of the instruments' own unrest is heard",
        number("share", 0, 1),
        "morph_texture",
    ),
    setting(
        f"{PART}/record",
        "1: record where the puck goes, as the trajectory; 0: that was it (43 s at most)",
        switch("on"),
        learn=VALUE,
    ),
    parameter(
        f"{PART}/play",
        "1: the puck follows the trajectory from its beginning; 0: it is where it was put",
        switch("on"),
        "morph_play",
    ),
    parameter(
        f"{PART}/loop",
        "1: the trajectory begins again when it ends; in beats, where the transport is",
        switch("on"),
        "morph_loop",
    ),
    Address(
        f"{PART}/draw",
        "let the trajectory go through the instruments and velocities of this file's notes",
        text("path"),
        local=True,
        slow=True,
    ),
    Address(
        f"{PART}/save",
        "keep a part's sound with its trajectory, as it is now, under this name",
        text("name"),
        "s path",
        slow=True,
    ),
)
