"""The instruments of General MIDI by family, to choose a part's from. Pure data. [any]"""

from __future__ import annotations

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
