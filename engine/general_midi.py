"""The instruments of General MIDI by family, and how people name them. Pure data. [any]

The window chooses a part's sound from it; the command line finds out who is meant by "violin",
"string ensemble" or 48.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import RipienoError
from models.mmt.instruments import CODE_OF_PROGRAM
from models.mmt.instruments import INSTRUMENTS as PLAYERS

FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Piano",
        (
            "Acoustic grand piano",
            "Bright acoustic piano",
            "Electric grand piano",
            "Honky-tonk piano",
            "Electric piano 1",
            "Electric piano 2",
            "Harpsichord",
            "Clavinet",
        ),
    ),
    (
        "Chromatic percussion",
        (
            "Celesta",
            "Glockenspiel",
            "Music box",
            "Vibraphone",
            "Marimba",
            "Xylophone",
            "Tubular bells",
            "Dulcimer",
        ),
    ),
    (
        "Organ",
        (
            "Drawbar organ",
            "Percussive organ",
            "Rock organ",
            "Church organ",
            "Reed organ",
            "Accordion",
            "Harmonica",
            "Tango accordion",
        ),
    ),
    (
        "Guitar",
        (
            "Nylon-string guitar",
            "Steel-string guitar",
            "Jazz guitar",
            "Clean electric guitar",
            "Muted electric guitar",
            "Overdriven guitar",
            "Distortion guitar",
            "Guitar harmonics",
        ),
    ),
    (
        "Bass",
        (
            "Acoustic bass",
            "Fingered electric bass",
            "Picked electric bass",
            "Fretless bass",
            "Slap bass 1",
            "Slap bass 2",
            "Synth bass 1",
            "Synth bass 2",
        ),
    ),
    (
        "Strings",
        (
            "Violin",
            "Viola",
            "Cello",
            "Double bass",
            "Tremolo strings",
            "Pizzicato strings",
            "Orchestral harp",
            "Timpani",
        ),
    ),
    (
        "Ensemble",
        (
            "String ensemble 1",
            "String ensemble 2",
            "Synth strings 1",
            "Synth strings 2",
            "Choir aahs",
            "Voice oohs",
            "Synth voice",
            "Orchestra hit",
        ),
    ),
    (
        "Brass",
        (
            "Trumpet",
            "Trombone",
            "Tuba",
            "Muted trumpet",
            "French horn",
            "Brass section",
            "Synth brass 1",
            "Synth brass 2",
        ),
    ),
    (
        "Reed",
        (
            "Soprano saxophone",
            "Alto saxophone",
            "Tenor saxophone",
            "Baritone saxophone",
            "Oboe",
            "English horn",
            "Bassoon",
            "Clarinet",
        ),
    ),
    (
        "Pipe",
        (
            "Piccolo",
            "Flute",
            "Recorder",
            "Pan flute",
            "Blown bottle",
            "Shakuhachi",
            "Whistle",
            "Ocarina",
        ),
    ),
    (
        "Synth lead",
        (
            "Square lead",
            "Sawtooth lead",
            "Calliope lead",
            "Chiff lead",
            "Charang lead",
            "Voice lead",
            "Fifths lead",
            "Bass and lead",
        ),
    ),
    (
        "Synth pad",
        (
            "New age pad",
            "Warm pad",
            "Polysynth pad",
            "Choir pad",
            "Bowed pad",
            "Metallic pad",
            "Halo pad",
            "Sweep pad",
        ),
    ),
    (
        "Synth effects",
        (
            "Rain",
            "Soundtrack",
            "Crystal",
            "Atmosphere",
            "Brightness",
            "Goblins",
            "Echoes",
            "Sci-fi",
        ),
    ),
    (
        "World",
        ("Sitar", "Banjo", "Shamisen", "Koto", "Kalimba", "Bagpipe", "Fiddle", "Shanai"),
    ),
    (
        "Percussive",
        (
            "Tinkle bell",
            "Agogo",
            "Steel drums",
            "Woodblock",
            "Taiko drum",
            "Melodic tom",
            "Synth drum",
            "Reverse cymbal",
        ),
    ),
    (
        "Sound effects",
        (
            "Guitar fret noise",
            "Breath noise",
            "Seashore",
            "Bird tweet",
            "Telephone ring",
            "Helicopter",
            "Applause",
            "Gunshot",
        ),
    ),
)
INSTRUMENTS: tuple[str, ...] = tuple(name for _, names in FAMILIES for name in names)


def instrument(program: int) -> str:
    """The name of a program, from 0. [any]"""
    return INSTRUMENTS[program] if 0 <= program < len(INSTRUMENTS) else f"Program {program}"


def family(program: int) -> str:
    """The family a program belongs to. [any]"""
    return FAMILIES[min(max(program, 0), 127) // 8][0]


def find(words: str) -> list[int]:
    """Programs whose name or family holds every one of the words, in order. [any]"""
    wanted = words.lower().split()
    return [
        program
        for program, name in enumerate(INSTRUMENTS)
        if all(word in f"{name} {family(program)}".lower() for word in wanted)
    ]


class InstrumentError(RipienoError):
    """Words that name no instrument, or several."""


@dataclass(frozen=True)
class Player:
    """An instrument of the network, 1..64, and the program 0..127 that sounds it."""

    code: int
    program: int
    name: str


def player(words: str) -> Player:
    """Return who is meant by a name or a program's number; InstrumentError if that is unclear.

    The network's own names come first ("voices", "strings"), then General MIDI's in full, then
    every name that holds the words, as long as all of these are one instrument there. [any]
    """
    wanted = _plain(words)
    if words.strip().lstrip("+-").isdigit():
        return _player_of(int(words), words)
    own = {_plain(name): program for name, program in PLAYERS}
    for name in (wanted, wanted.removesuffix("s")):
        if name in own:
            return _player_of(own[name], words)
    full = {_plain(name): program for program, name in enumerate(INSTRUMENTS)}
    if wanted in full:
        return _player_of(full[wanted], words)
    holding = [program for name, program in full.items() if f" {wanted} " in f" {name} "]
    holding = [program for program in holding if CODE_OF_PROGRAM[program]]
    codes = {int(CODE_OF_PROGRAM[program]) for program in holding}
    if len(codes) == 1:
        return _player_of(holding[0], words)
    if codes:
        several = ", ".join(INSTRUMENTS[program] for program in holding)
        raise InstrumentError(f"instrument '{words}' could be {several}")
    raise InstrumentError(
        f"instrument '{words}' is not known; legal are General MIDI's names, its programs 0 to "
        f"127, and {', '.join(own)}"
    )


def _player_of(program: int, words: str) -> Player:
    if not 0 <= program <= 127:
        raise InstrumentError(f"instrument {words}: a General MIDI program must be 0 to 127")
    code = int(CODE_OF_PROGRAM[program])
    if not code:
        raise InstrumentError(
            f"instrument '{words}' ({INSTRUMENTS[program]}) is an effect, which plays no parts"
        )
    return Player(code, program, INSTRUMENTS[program])


def _plain(words: str) -> str:
    return " ".join(words.lower().replace("-", " ").split())
