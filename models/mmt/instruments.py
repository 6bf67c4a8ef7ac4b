"""The 64 instruments of the representation and the General MIDI programs each stands for.

Programs that sound alike share an instrument; sound effects and unpitched percussion have none.
"""

import numpy as np

# Name and canonical program (0-127), in code order: the first has code 1.
INSTRUMENTS = (
    ("piano", 0),
    ("electric-piano", 4),
    ("harpsichord", 6),
    ("clavinet", 7),
    ("celesta", 8),
    ("glockenspiel", 9),
    ("music-box", 10),
    ("vibraphone", 11),
    ("marimba", 12),
    ("xylophone", 13),
    ("tubular-bells", 14),
    ("dulcimer", 15),
    ("organ", 16),
    ("church-organ", 19),
    ("accordion", 21),
    ("harmonica", 22),
    ("bandoneon", 23),
    ("nylon-string-guitar", 24),
    ("steel-string-guitar", 25),
    ("electric-guitar", 26),
    ("bass", 32),
    ("electric-bass", 33),
    ("slap-bass", 36),
    ("synth-bass", 38),
    ("violin", 40),
    ("viola", 41),
    ("cello", 42),
    ("contrabass", 43),
    ("harp", 46),
    ("timpani", 47),
    ("strings", 49),
    ("synth-strings", 50),
    ("voices", 52),
    ("orchestra-hit", 55),
    ("trumpet", 56),
    ("trombone", 57),
    ("tuba", 58),
    ("horn", 60),
    ("brasses", 61),
    ("synth-brasses", 62),
    ("soprano-sax", 64),
    ("alto-sax", 65),
    ("tenor-sax", 66),
    ("baritone-sax", 67),
    ("oboe", 68),
    ("english-horn", 69),
    ("bassoon", 70),
    ("clarinet", 71),
    ("piccolo", 72),
    ("flute", 73),
    ("recorder", 74),
    ("pan-flute", 75),
    ("ocarina", 79),
    ("lead", 80),
    ("pad", 88),
    ("sitar", 104),
    ("banjo", 105),
    ("shamisen", 106),
    ("koto", 107),
    ("kalimba", 108),
    ("bag-pipe", 109),
    ("shehnai", 111),
    ("melodic-tom", 117),
    ("synth-drums", 118),
)
NAMES = tuple(name for name, _ in INSTRUMENTS)

# Programs beside the canonical one.
_ALIKE = {
    "piano": (1, 2, 3),
    "electric-piano": (5,),
    "organ": (17, 18, 20),
    "electric-guitar": (27, 28, 29, 30, 31),
    "electric-bass": (34, 35),
    "slap-bass": (37,),
    "synth-bass": (39,),
    "violin": (110,),
    "strings": (44, 45, 48),
    "synth-strings": (51,),
    "voices": (53, 54),
    "trumpet": (59,),
    "synth-brasses": (63,),
    "lead": (81, 82, 83, 84, 85, 86, 87),
    "pad": (89, 90, 91, 92, 93, 94, 95),
    "synth-drums": (119,),
}


def _codes() -> np.ndarray:
    codes = np.zeros(128, np.int16)
    for code, (name, program) in enumerate(INSTRUMENTS, start=1):
        codes[[program, *_ALIKE.get(name, ())]] = code
    codes.flags.writeable = False
    return codes


CODE_OF_PROGRAM = _codes()  # (128,), 0 where a program has no instrument


def code_of(name: str) -> int:
    """Return an instrument's code, 1 to 64. ValueError names it if there is none. [any]"""
    if name not in NAMES:
        raise ValueError(f"there is no instrument '{name}'; there are: {', '.join(NAMES)}")
    return NAMES.index(name) + 1


def name_of(code: int) -> str:
    """Return the name of an instrument code, 1 to 64. [any]"""
    if not 1 <= code <= len(NAMES):
        raise ValueError(f"an instrument code must be 1 to {len(NAMES)}, got {code}")
    return NAMES[code - 1]


def program_of(code: int) -> int:
    """Return the General MIDI program (0-127) that plays an instrument code. [any]"""
    name_of(code)
    return INSTRUMENTS[code - 1][1]
