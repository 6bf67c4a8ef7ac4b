"""Every model that ships: an engine of one of its ensembles plays music of its kind to the end."""

import pytest

from engine.ensembles import MODEL_PLACES, load_ensemble
from engine.midi.performance import Performance, Track, new_events
from engine.notes import Note
from engine.separate import separate
from models.registry import list_models

Line = list[tuple[float, float, int]]  # onset and length in beats, pitch
BEAT_S = 0.6
LOUD = 80


def chorale(*chords: tuple[int, ...]) -> list[Line]:
    """A line for each voice of chords of a beat."""
    return [
        [(float(beat), 1.0, c[k]) for beat, c in enumerate(chords)] for k in range(len(chords[0]))
    ]


def repeated(beats: int, every: float, *pitches: int) -> Line:
    """A line going round its pitches."""
    count = round(beats / every)
    return [(i * every, every * 0.9, pitches[i % len(pitches)]) for i in range(count)]


HYMN = chorale(
    (67, 62, 59, 43), (67, 62, 59, 55), (66, 62, 57, 50), (64, 59, 55, 52), (62, 59, 55, 47),
    (67, 62, 59, 55), (69, 62, 57, 54), (71, 62, 59, 55), (71, 62, 59, 55), (69, 62, 57, 54),
    (67, 64, 60, 52), (72, 64, 60, 57), (71, 62, 59, 55), (69, 62, 57, 50), (67, 62, 59, 43),
)  # fmt: skip
QUARTET = [
    [(0, 2, 79), (2, 1, 83), (3, 1, 86), (4, 3, 84), (7, 1, 83), (8, 2, 81), (10, 2, 84),
     (12, 1, 83), (13, 1, 81), (14, 2, 79)],
    repeated(16, 0.5, 71, 74),
    repeated(16, 0.5, 67, 65),
    [(0, 4, 43), (4, 4, 48), (8, 4, 50), (12, 2, 50), (14, 2, 43)],
]  # fmt: skip
SONG_TUNE = [(0, 1, 76), (1, 1, 79), (2, 1.5, 81), (3.5, 0.5, 79), (4, 2, 76), (6, 1, 74),
             (7, 1, 72), (8, 1, 76), (9, 1, 79), (10, 2, 84), (12, 3, 83), (15, 1, 79)]  # fmt: skip
SONG = [
    SONG_TUNE,
    [],
    [
        (beat, 0.9, key)
        for beat in range(16)
        for key in ((60, 64, 67) if beat % 8 < 4 else (59, 62, 67))
    ],
    repeated(16, 2, 36, 43, 41, 43),
]
TRIO = chorale(
    (72, 64, 48), (74, 65, 47), (76, 67, 48), (77, 69, 53), (76, 67, 55), (74, 65, 55),
    (72, 64, 57), (71, 62, 55), (72, 64, 48), (76, 67, 48), (79, 71, 52), (77, 69, 53),
    (76, 67, 55), (74, 65, 55), (72, 64, 48),
)  # fmt: skip
QUINTET = chorale(
    (76, 72, 67, 60, 48), (77, 74, 69, 62, 50), (79, 74, 71, 62, 43), (79, 72, 67, 64, 48),
    (81, 72, 69, 60, 53), (79, 71, 67, 62, 55), (76, 72, 67, 60, 48), (74, 71, 67, 62, 43),
    (76, 72, 67, 60, 48), (81, 77, 69, 60, 53), (79, 76, 67, 60, 55), (77, 71, 67, 62, 55),
    (76, 72, 67, 60, 48),
)  # fmt: skip
SCORES = {
    "satb_choir": (HYMN, 90),
    "classical_quartet": (QUARTET, 85),
    "song_band": (SONG, 80),
    "string_trio": (TRIO, 90),
    "wind_quintet": (QUINTET, 85),
}


def at_one_keyboard(lines: list[Line]) -> tuple[Performance, dict[tuple[float, int], int]]:
    """The lines as one keyboard sends them, lower keys first, and the part of each note."""
    rows, part_of = [], {}
    for part, line in enumerate(lines):
        for onset, length, pitch in line:
            start_s = round(onset * BEAT_S, 6)
            rows.append((start_s, bytes((0x90, pitch, LOUD)), 0))
            rows.append((start_s + length * BEAT_S * 0.9, bytes((0x80, pitch, 64)), 0))
            part_of.setdefault((start_s, pitch), part)
    rows.sort(key=lambda row: (row[0], row[1][0], row[1][1]))
    return Performance("lines", new_events(rows), (Track("Piano"),)), part_of


def when_struck(note: Note) -> tuple[int, int]:
    return note.start_frame - note.delay_frames, note.pitch


def test_every_model_has_an_ensemble_here() -> None:
    models = {load_ensemble(name).model for name in SCORES}
    assert models == {model.name for model in list_models()}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("window_ms", [0.0, 45.0])
def test_the_engine_gives_music_of_its_kind_to_the_right_parts(name: str, window_ms: float) -> None:
    lines, least_percent = SCORES[name]
    ensemble = load_ensemble(name)
    performance, part_of = at_one_keyboard(lines)
    found = separate(performance, ensemble, window_ms)
    assert len(found) == len(performance.notes())
    assert {note.how for note in found} == {"network"}
    truth = [
        part_of[round(start_s, 6), pitch]
        for start_s, pitch in sorted(
            zip(
                *(performance.notes()[key].tolist() for key in ("start_seconds", "pitch")),
                strict=True,
            )
        )
    ]
    right = [
        note.part == part for note, part in zip(sorted(found, key=when_struck), truth, strict=True)
    ]
    assert 100 * sum(right) / len(right) >= least_percent


def test_whom_a_model_for_any_number_leaves_out_is_given_nothing() -> None:
    trio = load_ensemble("string_trio")
    classes = next(model.classes for model in list_models() if model.name == trio.model)
    voices = [classes.index(voice) for part in trio.parts for voice in part.voices]
    assert tuple(voices) == MODEL_PLACES[trio.model][1]
    thick, _ = at_one_keyboard(QUINTET)  # five keys at once, three parts
    found = separate(thick, trio, 45.0)
    assert len(found) == len(thick.notes())
    assert {note.part for note in found} == {0, 1, 2}
