"""THE table of OSC addresses the engine answers to and sends: one row an address. Pure data. [any]

`engine.control` receives, `engine.operations` obeys, `engine/CONTROL.md` is printed from it, tests
hold them together. A setting follows one rule: with its argument it sets, without it answers.
In a path `{part}` is a part's number, 1 to 16, in score order; `{slot}` a chain: part_1 .. part_16,
send_a, send_b or master; `{plugin}` a plugin's number in its chain, 1 to 16; `{parameter}` the name
a plugin gives one of its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.address_continuation import CONTINUATION
from engine.address_morph import MORPH
from engine.address_music import GENERAL, HINTS, MIXER, PLAYING, TRANSPORT
from engine.address_row import Address
from engine.address_setup import CHAINS, DEVICES, LEARN, RIGS, TAKES

PROTOCOL = 4
DEFAULT_PORT = 57140

RECEIVED: tuple[Address, ...] = (
    *GENERAL,
    *PLAYING,
    *HINTS,
    *MIXER,
    *MORPH,
    *TRANSPORT,
    *CONTINUATION,
    *CHAINS,
    *LEARN,
    *RIGS,
    *DEVICES,
    *TAKES,
)


@dataclass(frozen=True)
class Sent:
    """One row of what the engine sends of its own accord, and to whom."""

    path: str
    tags: str
    arguments: str
    to: str
    does: str


SENT: tuple[Sent, ...] = (
    Sent(
        "/ripieno/note_on",
        "iiiifsfh",
        "note, part, pitch, velocity, confidence, how, delay_ms, frame",
        "events",
        "a note sounds; how is network, zones, closest, direct, ensemble, hand, "
        "doubt (of the network) or doubling",
    ),
    Sent("/ripieno/note_off", "iiiih", "note, part, pitch, velocity, frame", "events", "its end"),
    Sent(
        "/ripieno/note_moved",
        "iiiih",
        "note, part, from_part, pitch, frame",
        "events",
        "settle mode: the note sounds in another part now",
    ),
    Sent(
        "/ripieno/transport_moved",
        "hdfi",
        "frame, beat, tempo_bpm, rolling",
        "events",
        "the transport started, stopped, jumped or has another tempo",
    ),
    Sent(
        "/ripieno/floor",
        "sh",
        "who, frame",
        "events",
        "the player, the ensemble or both have the floor from this frame on",
    ),
    Sent(
        "/ripieno/plan",
        "s",
        "JSON",
        "plan",
        "what the ensemble would play, at most ten times a second, when it changed: serial, "
        "until_beat, notes (part from 1, pitch, velocity, beat, duration in beats); and frame, "
        "beat and tempo_bpm of now, also where the transport stands",
    ),
    Sent(
        "/ripieno/attention",
        "s",
        "JSON",
        "attention",
        "what the ensemble's network looked at when it drew the note planned last, at most four "
        "times a second: note (part from 1, pitch, beat, duration in beats), notes (the same and "
        "the share of its attention, largest first, 256 at most) and how many are remembered",
    ),
    Sent("/ripieno/panicked", "h", "frame", "events", "everything was silenced"),
    Sent(
        "/ripieno/events_lost",
        "i",
        "count",
        "events",
        "more notes than can be sent; this many were left out",
    ),
    Sent("/ripieno/statistics", "s", "JSON", "statistics", "as /ripieno/statistics answers"),
    Sent("/ripieno/state", "s", "JSON", "state", "as /ripieno/state answers, after a change"),
    Sent(
        "(its own)",
        "",
        "as the setting's row",
        "changes",
        "a setting has a new value, whoever set it",
    ),
    Sent(
        "/ripieno/changed",
        "si",
        "section, revision",
        "changes",
        "something else in this section of the state changed: ask for it",
    ),
    Sent("/ripieno/said", "s", "sentence", "state, changes", "what a player should know"),
    Sent(
        "/ripieno/chunk",
        "siiis",
        "address, serial, number, count, text",
        "whoever asked",
        "a piece of an answer too long for one datagram; the texts in order are the JSON",
    ),
    Sent(
        "/ripieno/done",
        "ss",
        "address, result",
        "the sender",
        "something that took its time is done, for rows that answer nothing else",
    ),
    Sent(
        "/ripieno/error",
        "s",
        "sentence",
        "the sender",
        "why a message was dropped, in one sentence",
    ),
)
