"""Rows of the OSC address table: what is set up around the music. Pure data. [any]"""

from __future__ import annotations

from engine.address_row import (
    EXPORT_FORMS,
    LEARN_FROM,
    LONGEST_KEEP_S,
    MODES,
    PLUGINS,
    TRIGGER,
    VALUE,
    Address,
    Argument,
    ask,
    button,
    may,
    number,
    setting,
    switch,
    text,
    whole,
)

CHAINS = (
    ask("/ripieno/plugins", "the plugins this system has, as the last scan found them"),
    Address(
        "/ripieno/plugins/scan",
        "look for plugins that are new or changed; what was found",
        reply="s JSON",
        local=True,
        slow=True,
    ),
    Address(
        "/ripieno/plugins/forget",
        "know nothing more of a plugin, one in quarantine too; all for every one",
        text("name"),
        local=True,
        slow=True,
    ),
    ask("/ripieno/chains", "every chain: its plugins, whether they run, their lead and latency"),
    setting(
        "/ripieno/chain/{slot}",
        'the plugins of a chain in JSON, as a rig file has them; "" for none',
        text("chain"),
        local=True,
        slow=True,
    ),
    Address(
        "/ripieno/chain/{slot}/add",
        "put a plugin behind the others: a scanned one's name, a file, or pedalboard:Reverb",
        text("plugin"),
        local=True,
        slow=True,
    ),
    Address("/ripieno/chain/{slot}/{plugin}/remove", "take a plugin out", slow=True),
    Address(
        "/ripieno/chain/{slot}/{plugin}/move",
        "put a plugin at another place, from 1",
        whole("place", 1, PLUGINS),
        slow=True,
    ),
    setting(
        "/ripieno/chain/{slot}/{plugin}/bypass",
        "1: hear the chain without this plugin",
        switch("bypass"),
        learn=VALUE,
    ),
    ask("/ripieno/chain/{slot}/{plugin}/parameters", "what can be set in a plugin"),
    setting(
        "/ripieno/chain/{slot}/{plugin}/parameter/{parameter}",
        "one of them, over its whole range",
        number("value", 0, 1),
        learn=VALUE,
    ),
    Address(
        "/ripieno/chain/{slot}/{plugin}/editor", "let a plugin show its own window", local=True
    ),
    Address("/ripieno/chain/{slot}/close_editor", "close it"),
)

LEARN = (
    Address(
        "/ripieno/learn",
        "give this address to the next controller, wheel, pressure or program change the player "
        "moves (controls), or to the next key struck (notes)",
        (*text("address"), *may(text("from", *LEARN_FROM))),
    ),
    Address("/ripieno/learn/cancel", "learn nothing after all"),
    Address("/ripieno/learn/forget", "free this address from its controls", text("address")),
    Address("/ripieno/learn/forget_all", "free every address"),
    Address(
        "/ripieno/learn/mode",
        "pickup: move when the control passes the value; jump: at once; relative: for knobs "
        "without ends",
        (*text("address"), *text("mode", *MODES)),
    ),
    Address(
        "/ripieno/learn/range",
        "the values at the control's two ends; low may be above high",
        (
            *text("address"),
            Argument("low", "f", -1e6, 1e6),
            Argument("high", "f", -1e6, 1e6),
        ),
    ),
    Address(
        "/ripieno/learn/curve",
        "how the control's way is spread over the range: 1 evenly, 2 finer at the low end",
        (*text("address"), Argument("curve", "f", 0.1, 10)),
    ),
    Address(
        "/ripieno/learn/through",
        "1: the control reaches the parts as well; 0: it is a control alone",
        (*text("address"), *switch("through")),
    ),
    Address(
        "/ripieno/learn/bind",
        "one binding as a rig file holds it, in JSON: address, by, channel, number ...",
        text("binding"),
    ),
)

RIGS = (
    ask("/ripieno/rigs", "the rigs there are, with names, tags and ensembles"),
    setting("/ripieno/rig", "play with this rig from now on; sounding notes ring out", text("id")),
    Address("/ripieno/rig/save", "keep everything as it is now as a rig", text("name"), slow=True),
    ask("/ripieno/rig/text", "everything as it is now, as the text of a rig file", "s TOML"),
    button("/ripieno/rig/undo", "take back the last change (those within a second are one)"),
    button("/ripieno/rig/redo", "make it again"),
    ask("/ripieno/setlists", "the set lists there are, with their rigs"),
    setting("/ripieno/setlist", 'play this set list from its first rig; "" for none', text("id")),
    button("/ripieno/setlist/next", "the next rig of the set list"),
    button("/ripieno/setlist/previous", "the rig before"),
    Address(
        "/ripieno/setlist/go",
        "the rig of this number, from 1",
        whole("number", 1, 128),
    ),
)

DEVICES = (
    ask("/ripieno/devices", "sound devices and MIDI inputs there are, looked for anew", slow=True),
    Address(
        "/ripieno/device",
        "play through this: jack, none, auto or a sound card's name; next time as well",
        (*text("name"), *may(whole("block_frames", 16, 8192))),
        "s description",
        setting=True,
        slow=True,
    ),
    setting(
        "/ripieno/input",
        'listen to the input whose name contains this, next time too; "" for all, or none',
        text("name"),
        slow=True,
    ),
    setting(
        "/ripieno/osc_port",
        "answer at this UDP port from now on, next time too; those who subscribed to changes are "
        "told through the old one, and subscribe again at the new",
        whole("port", 1024, 65535),
        local=True,
    ),
    ask("/ripieno/connections", "JACK connections that are remembered, and those not to be made"),
    Address(
        "/ripieno/connections/forget",
        'forget those whose port or program contains this; "" is every one',
        text("text"),
    ),
    ask("/ripieno/inputs", "the MIDI inputs that are connected now", "s name, once for each"),
)

TAKES = (
    ask("/ripieno/recorder", "what is being recorded, where, how long"),
    ask("/ripieno/takes", "the takes there are, newest first", slow=True),
    Address(
        "/ripieno/take/keep",
        "make a take of what was just played: its last seconds, ten minutes if not given",
        may(number("seconds", 1, LONGEST_KEEP_S)),
        "s folder",
        learn=TRIGGER,
    ),
    Address(
        "/ripieno/take/export",
        "write a take, by its folder's name or last, for other programs",
        (*text("take"), *text("form", *EXPORT_FORMS)),
        "s path",
        slow=True,
    ),
)
