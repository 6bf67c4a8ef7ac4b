"""Readers: made MIDI, MusicXML and JSON files in the layouts of SOD, LMD and PDMX."""

import json
from pathlib import Path

import mido
import numpy as np
import pytest

from models.mmt.instruments import code_of
from models.mmt.representation import check_order, decode, encode, with_advances, with_beats
from tests.training.mmt.music import piece
from training.mmt import sources as s
from training.mmt.baselines import MMM, REMI

VIOLIN, CELLO, PIANO = code_of("violin"), code_of("cello"), code_of("piano")


def write_midi(path: Path, notes: np.ndarray, ticks: int = 480) -> None:
    """Write notes, a track a player, and a drum that must not be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    midi = mido.MidiFile(ticks_per_beat=ticks)
    programs = {VIOLIN: 40, CELLO: 42, PIANO: 0}
    tracks = [(9, 0, notes[:4])]
    tracks += [(i, programs[int(p)], notes[notes[:, 3] == p]) for i, p in enumerate(programs)]
    for channel, program, part in tracks:
        events = [(on * ticks // 12, "note_on", key) for on, key, _, _ in part]
        events += [((on + ln) * ticks // 12, "note_off", key) for on, key, ln, _ in part]
        track, now = mido.MidiTrack(), 0
        track.append(mido.Message("program_change", channel=channel, program=program))
        for tick, kind, key in sorted(events):
            track.append(
                mido.Message(
                    kind, note=int(key), velocity=64, channel=channel, time=int(tick - now)
                )
            )
            now = tick
        midi.tracks.append(track)
    midi.save(path)


@pytest.mark.parametrize("ticks", [480, 96, 960])
def test_a_midi_file_comes_back(tmp_path, ticks):
    music = s.in_order(map(tuple, piece(1, 20).tolist()))
    write_midi(tmp_path / "a.mid", music, ticks)
    assert np.array_equal(s.read_midi(tmp_path / "a.mid"), music)
    assert np.array_equal(decode(encode(music)), music)


def test_the_first_note_is_in_beat_0_where_it_was(tmp_path):
    music = np.array([(27, 60, 12, PIANO), (36, 62, 12, PIANO)])
    write_midi(tmp_path / "a.mid", music)
    assert s.read_midi(tmp_path / "a.mid")[:, 0].tolist() == [3, 12]


def test_notes_that_only_differ_in_unknown_durations_are_one():
    assert s.in_order([(0, 60, 13, 1), (0, 60, 12, 1)]).tolist() == [[0, 60, 12, 1]]


def test_what_is_no_midi_file_is_told(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"RIFF nothing")
    with pytest.raises(ValueError, match=r"a\.mid is not a MIDI file"):
        s.read_midi(tmp_path / "a.mid")


MUSICXML = """<?xml version="1.0"?><score-partwise version="3.1"><part-list>
<score-part id="P1"><part-name>Violin</part-name><score-instrument id="I1"><instrument-name>Violin
</instrument-name></score-instrument><midi-instrument id="I1"><midi-channel>1</midi-channel>
<midi-program>41</midi-program></midi-instrument></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>2</divisions><time><beats>4</beats>
<beat-type>4</beat-type></time></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>2</duration><type>quarter</type>
</note>
<note><pitch><step>E</step><octave>5</octave></pitch><duration>3</duration><tie type="start"/>
<type>quarter</type><dot/></note>
<note><pitch><step>E</step><octave>5</octave></pitch><duration>3</duration><tie type="stop"/>
<type>quarter</type><dot/></note>
</measure></part></score-partwise>"""


def test_musicxml(tmp_path):
    pytest.importorskip("music21")
    (tmp_path / "a.xml").write_text(MUSICXML)
    assert s.read_musicxml(tmp_path / "a.xml").tolist() == [
        [0, 72, 12, VIOLIN],
        [12, 76, 36, VIOLIN],
    ]
    (tmp_path / "b.xml").write_text("<score-partwise><part")
    with pytest.raises(ValueError, match=r"b\.xml is not a MusicXML file"):
        s.read_musicxml(tmp_path / "b.xml")


def musicrender(notes: np.ndarray) -> str:
    tracks = [
        {
            "program": program,
            "is_drum": drum,
            "notes": [
                {"time": int(on) * 40, "pitch": int(k), "duration": int(ln) * 40, "is_grace": grace}
                for on, k, ln, p in notes
                if p == code
            ],
        }
        for code, program, drum, grace in (
            (VIOLIN, 40, False, False),
            (CELLO, 42, False, False),
            (PIANO, 0, False, False),
            (PIANO, 0, True, False),
            (CELLO, 0, False, True),
        )
    ]
    return json.dumps({"resolution": 480, "tracks": tracks})


def test_sod(tmp_path):
    for work in ("OpenScores/1", "OpenScores/2"):
        write_midi(tmp_path / work / "score.mid", piece(len(work) + int(work[-1]), 20))
    (tmp_path / "OpenScores" / "2" / "bad.mid").write_bytes(b"no")
    pieces, ends = s.read_corpus("sod", tmp_path)
    assert [(p.name, p.work) for p in pieces] == [
        ("sod/OpenScores/1/score.mid", "sod/OpenScores/1"),
        ("sod/OpenScores/2/score.mid", "sod/OpenScores/2"),
    ]
    assert ends == {"read": 2, "unreadable": 1}


def test_lmd(tmp_path):
    for name in ("lmd_full/0/0a1b.mid", "lmd_matched/A/A/B/TRAAB1/77.mid"):
        write_midi(tmp_path / name, piece(3, 20))
    write_midi(tmp_path / "lmd_matched/A/A/B/TRAAB1/78.mid", piece(4, 20))
    works = [work for _, work in s.lmd(tmp_path)]
    assert works == ["0a1b", "TRAAB1", "TRAAB1"]


def test_pdmx(tmp_path):
    music = s.in_order(map(tuple, piece(1, 20).tolist()))
    write_midi(tmp_path / "mid" / "a.mid", music)
    (tmp_path / "data").mkdir()
    for name in "abc":
        (tmp_path / "data" / f"{name}.json").write_text(musicrender(music))
    columns = ("path", "mid", "composer_name", "title")
    head = ",".join([*columns, "subset:no_license_conflict", "subset:deduplicated"])
    lines = [
        head,
        "./data/a.json,./mid/a.mid,Bach,Air,True,True",
        "./data/b.json,,Bach,AIR,True,True",
        "./data/c.json,,Bach,Aria,False,True",
        "./data/none.json,,Bach,Gigue,True,True",
    ]
    (tmp_path / "PDMX.csv").write_text("\n".join(lines))
    pieces, _ = s.read_corpus("pdmx", tmp_path)
    assert [p.name for p in pieces] == ["pdmx/mid/a.mid", "pdmx/data/b.json"]
    assert {p.work for p in pieces} == {"pdmx/bach/air"}
    for p in pieces:
        assert np.array_equal(p.notes, music)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(SystemExit, match="holds no music in the layout of sod"):
        s.read_corpus("sod", tmp_path)
    with pytest.raises(SystemExit, match=r"PDMX\.csv cannot be read"):
        s.read_corpus("pdmx", tmp_path)


# The first 24 beats of an OpenScore quartet, symphony and song (CC0), each key of a player once.
REAL = {"quartet": (107, 3), "orchestra": (545, 11), "song": (105, 2)}


@pytest.mark.parametrize("name", REAL)
def test_real_music_survives_every_representation(name):
    music = s.read_midi(Path(__file__).parent / "real" / f"{name}.mid")
    assert (len(music), len(np.unique(music[:, 3]))) == REAL[name]
    rows = encode(music)
    check_order(rows)
    assert np.array_equal(decode(rows), music)
    assert np.array_equal(with_beats(with_advances(rows)), rows)
    for kind in (MMM, REMI):
        assert np.array_equal(np.unique(kind.decode(kind.encode(music)), axis=0), music)


def test_the_demo_piece_is_represented():
    music = s.read_midi(Path(__file__).parents[3] / "presets" / "demo" / "herzliebster_jesu.mid")
    assert len(music) > 100
    assert np.array_equal(decode(encode(music)), music)
