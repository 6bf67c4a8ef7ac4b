"""MusicXML: what is written is what is played, and other programs agree."""

import importlib
import os
import shutil
import subprocess
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.interchange.musicxml import read_musicxml
from engine.interchange.scores import read_score
from engine.interchange.written import ScoreError
from engine.midi.files import read_midi
from engine.midi.performance import Performance
from engine.paths import presets_folder

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
PATH = Path("score.musicxml")
HEAD = "<?xml version='1.0' encoding='UTF-8'?>"
DIVISIONS = "<attributes><divisions>4</divisions></attributes>"


def note(
    step: str, octave: int, duration: int, extra: str = "", alter: float = 0, before: str = ""
) -> str:
    """A note; MusicXML wants `before` (chord, grace) first and `extra` (ties) after the length."""
    altered = f"<alter>{alter}</alter>" if alter else ""
    return (
        f"<note>{before}<pitch><step>{step}</step>{altered}<octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration>{extra}</note>"
    )


def part_list(*names: str, midi: str = "") -> str:
    rows = (
        f"<score-part id='P{n}'><part-name>{name}</part-name>{midi}</score-part>"
        for n, name in enumerate(names, start=1)
    )
    return f"<part-list>{''.join(rows)}</part-list>"


def score(*measures: str, names: str = "", midi: str = "") -> bytes:
    """A score of one part."""
    inside = "".join(f"<measure number='{n}'>{m}</measure>" for n, m in enumerate(measures, 1))
    parts = part_list(names or "Flute", midi=midi)
    return f"{HEAD}<score-partwise>{parts}<part id='P1'>{inside}</part></score-partwise>".encode()


def read(*measures: str, **more: str) -> Performance:
    return read_musicxml(score(*measures, **more), PATH)


def played(piece: Performance) -> list[tuple[float, float, int]]:
    """(start beat, end beat, key) of all notes in order."""
    notes = piece.notes()
    starts, ends = (piece.tempo.to_beats(notes[key]) for key in ("start_seconds", "end_seconds"))
    rows = zip(
        starts.round(6).tolist(), ends.round(6).tolist(), notes["pitch"].tolist(), strict=True
    )
    return sorted(rows)


def test_notes_rests_chords_and_voices() -> None:
    piece = read(
        DIVISIONS
        + note("C", 4, 4)
        + note("E", 4, 4, before="<chord/>")
        + "<note><rest/><duration>4</duration></note>"
        + note("F", 5, 8, alter=1)
        + "<backup><duration>12</duration></backup>"
        + note("B", 2, 2, alter=-1)
        + "<forward><duration>2</duration></forward>"
        + note("G", 3, 8),
        note("D", 4, 16),
    )
    assert played(piece) == [
        (0.0, 1.0, 60),
        (0.0, 1.0, 64),
        (1.0, 1.5, 46),
        (2.0, 4.0, 55),
        (2.0, 4.0, 78),
        (4.0, 8.0, 62),
    ]
    assert piece.remarks == ()


def test_ties_make_one_note_across_bars_and_chords() -> None:
    start, both, stop = (
        "<tie type='start'/>",
        "<tie type='stop'/><tie type='start'/>",
        "<tie type='stop'/>",
    )
    piece = read(
        DIVISIONS + note("C", 4, 16, start) + note("E", 4, 16, start, before="<chord/>"),
        note("C", 4, 16, both) + note("E", 4, 16, stop, before="<chord/>"),
        note("C", 4, 4, stop) + note("C", 4, 12),
    )
    assert played(piece) == [(0.0, 8.0, 64), (0.0, 9.0, 60), (9.0, 12.0, 60)]
    # a tie to nowhere is a note; <tied> stands in where <tie> is missing
    tied = "<notations><tied type='{}'/></notations>"
    piece = read(
        DIVISIONS + note("A", 4, 16, tied.format("start")),
        note("A", 4, 8, tied.format("stop")) + note("B", 4, 8, stop),
    )
    assert played(piece) == [(0.0, 6.0, 69), (6.0, 8.0, 71)]


def test_a_transposing_part_sounds_where_it_sounds() -> None:
    attributes = (
        "<attributes><divisions>1</divisions><transpose><chromatic>-2</chromatic>"
        "<octave-change>-1</octave-change></transpose></attributes>"
    )
    assert played(read(attributes + note("C", 5, 4))) == [(0.0, 4.0, 58)]


def test_tempo_meter_key_and_upbeat() -> None:
    piece = read(
        "<attributes><divisions>2</divisions><key><fifths>-3</fifths><mode>minor</mode></key>"
        "<time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>60</per-minute></metronome></direction-type></direction>" + note("G", 4, 2),
        "<sound tempo='45'/>" + note("C", 5, 6),
        "<attributes><time><beats>3+2</beats><beat-type>8</beat-type></time></attributes>"
        + note("C", 5, 5),
    )
    assert piece.tempo.beats == (0.0, 1.0)
    assert [60 / rate for rate in piece.tempo.seconds_per_beat] == pytest.approx([90.0, 45.0])
    assert piece.time_signatures == ((0.0, 1, 4), (1.0, 3, 4), (4.0, 5, 8))
    assert piece.key_signatures == ((0.0, "Cm"),)
    assert played(piece)[1:] == [(1.0, 4.0, 72), (4.0, 6.5, 72)]


def test_dynamics_and_pedal() -> None:
    def direction(inside: str, sound: str = "") -> str:
        return f"<direction><direction-type>{inside}</direction-type>{sound}</direction>"

    piece = read(
        DIVISIONS
        + note("C", 4, 4)
        + direction("<dynamics><pp/></dynamics>")
        + direction("<pedal type='start'/>")
        + note("D", 4, 4)
        + direction("<words>x</words>", "<sound dynamics='100'/>")
        + note("E", 4, 4)
        + note("F", 4, 4).replace("<note>", "<note dynamics='50'>")
        + direction("<pedal type='stop'/>")
    )
    assert piece.notes()["velocity"].tolist() == [80, 33, 90, 45]
    pedals = [(m[1], m[2]) for m in piece.messages() if m[0] & 0xF0 == 0xB0]
    assert pedals == [(64, 127), (64, 0)]


def test_parts_have_names_programs_and_channels_of_their_own() -> None:
    midi = (
        "<midi-instrument id='P1-I1'><midi-channel>5</midi-channel>"
        "<midi-program>74</midi-program></midi-instrument>"
    )
    piece = read(DIVISIONS + note("C", 4, 4), names="Flute\n in C", midi=midi)
    (track,) = piece.tracks
    assert (track.name, track.program, track.channel) == ("Flute in C", 73, 5)
    many = [f"Part {n}" for n in range(12)]
    parts = "".join(
        f"<part id='P{n + 1}'><measure>{DIVISIONS}{note('C', 4, 4)}</measure></part>"
        for n in range(12)
    )
    data = f"<score-partwise>{part_list(*many)}{parts}</score-partwise>".encode()
    tracks = read_musicxml(data, PATH).tracks
    assert [track.name for track in tracks] == many
    assert not any(track.drums for track in tracks)


def test_a_part_of_drums_is_on_the_drum_channel() -> None:
    hit = (
        "<note><unpitched><display-step>C</display-step><display-octave>5</display-octave>"
        "</unpitched><duration>4</duration><instrument id='P1-I39'/></note>"
    )
    midi = "<midi-instrument id='P1-I39'><midi-unpitched>39</midi-unpitched></midi-instrument>"
    piece = read(DIVISIONS + hit, midi=midi)
    assert piece.tracks[0].drums
    assert piece.notes()["pitch"].tolist() == [38]
    mixed = read(DIVISIONS + hit + note("C", 4, 4), midi=midi)
    assert mixed.notes()["pitch"].tolist() == [60]
    assert not mixed.tracks[0].drums
    assert mixed.remarks == ("score.musicxml: 1 drum notes are left out.",)


def test_what_is_left_out_is_remarked() -> None:
    grace = note("B", 4, 0, before="<grace/>").replace("<duration>0</duration>", "")
    repeat = "<barline><repeat direction='backward'/></barline>"
    piece = read(
        DIVISIONS + grace + note("C", 5, 4) + note("D", 5, 4, before="<cue/>") + repeat,
        note("E", 5, 4),
    )
    assert played(piece) == [(0.0, 1.0, 72), (2.0, 3.0, 76)]
    assert piece.remarks == (
        "score.musicxml: repeats are not followed, it is played once through.",
        "score.musicxml: 1 grace notes are left out.",
        "score.musicxml: 1 cue notes are left out.",
    )


def test_timewise_is_partwise_the_other_way_round() -> None:
    first, second = DIVISIONS + note("C", 5, 16), DIVISIONS + note("C", 3, 8)
    third = note("D", 5, 16)
    names = part_list("High", "Low")
    timewise = (
        f"<score-timewise>{names}<measure><part id='P1'>{first}</part>"
        f"<part id='P2'>{second}</part></measure>"
        f"<measure><part id='P1'>{third}</part></measure></score-timewise>"
    )
    partwise = (
        f"<score-partwise>{names}<part id='P1'><measure>{first}</measure>"
        f"<measure>{third}</measure></part><part id='P2'><measure>{second}</measure></part>"
        "</score-partwise>"
    )
    read_both = [read_musicxml(text.encode(), PATH) for text in (timewise, partwise)]
    assert played(read_both[0]) == played(read_both[1])
    assert played(read_both[0]) == [(0.0, 2.0, 48), (0.0, 4.0, 72), (4.0, 8.0, 74)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "damaged XML: no element found"),
        (b"<opus/>", "not MusicXML, it begins with <opus>"),
        (b"<score-partwise>", "damaged XML: no element found"),
        (b"<score-partwise/>", "there are no notes"),
        (score(DIVISIONS + note("C", 4, 4)).replace(b"UTF-8", b"KLINGON"), "damaged XML"),
        (score(DIVISIONS + note("C", 99, 4)), "there are no notes"),
        (score(DIVISIONS + note("H", 4, 4)), "there are no notes"),
        (score(DIVISIONS + note("C", 4, 999_999_999)), "longer than 6 hours"),
        (
            b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><x>&b;</x>",
            "declares the entity 'a', which we do not read",
        ),
        (b"<a>" * 200 + b"</a>" * 200, "nested deeper than 128"),
    ],
)
def test_unusable_scores_are_refused_in_one_sentence(data: bytes, why: str) -> None:
    with pytest.raises(ScoreError) as refusal:
        read_musicxml(data, PATH)
    assert str(refusal.value).startswith("score.musicxml: ")
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_numbers_that_are_none_do_no_harm() -> None:
    measure = (
        "<attributes><divisions>nan</divisions><key><fifths>99</fifths></key><time><beats>x"
        "</beats><beat-type>0</beat-type></time><transpose><chromatic>1e300</chromatic>"
        "</transpose></attributes><sound tempo='-3' dynamics='inf'/>"
        "<backup><duration>1e8</duration></backup>" + note("C", 4, 2) + "<note/>"
    )
    piece = read(measure)
    assert played(piece) == [(0.0, 2.0, 60)]
    assert piece.tempo.seconds_per_beat == (0.5,)


def require(program: str) -> None:
    if shutil.which(program) is None:
        pytest.fail(f"{program} is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["musicxml", "mxl"])
def test_what_musescore_makes_of_a_midi_file_is_the_same_music(tmp_path: Path, ending: str) -> None:
    require("musescore3")
    out = tmp_path / f"out.{ending}"
    subprocess.run(
        ["musescore3", "-o", str(out), str(PIECE)],
        check=True,
        timeout=120,
        capture_output=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)},
    )
    ours, theirs = read_midi(PIECE), read_score(out)
    assert [row[0::2] for row in played(theirs)] == [row[0::2] for row in played(ours)]
    assert theirs.time_signatures == ours.time_signatures
    for mine, other in zip(ours.tracks, theirs.tracks, strict=True):
        assert other.name.endswith(mine.name)
        assert other.program == mine.program
    tempos = [60 / rate for rate in theirs.tempo.seconds_per_beat]
    assert theirs.tempo.beats == ours.tempo.beats
    np.testing.assert_allclose(tempos, [60 / r for r in ours.tempo.seconds_per_beat], atol=0.8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["bach/bwv66.6", "schoenberg/opus19/movement2", "mozart/k156/movement1"]
)
def test_music21_reads_the_same_notes(piece: str) -> None:
    music21: Any = importlib.import_module("music21")  # its types are not what it returns
    path = music21.corpus.getWork(piece)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = music21.converter.parse(path).toSoundingPitch()
    expected: Counter = Counter()
    for part in theirs.parts:
        for found in part.stripTies().flatten().notes:
            if not found.duration.isGrace:
                for pitch in found.pitches:
                    expected[round(float(found.offset), 2), pitch.midi] += 1
    ours = Counter((round(start, 2), key) for start, _, key in played(read_score(path)))
    different = (ours - expected).total() + (expected - ours).total()
    assert expected.total() > 50
    assert different <= 0.01 * expected.total()
