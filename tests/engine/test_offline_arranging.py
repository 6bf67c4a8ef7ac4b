"""`ripieno arrange --offline`: the score in view, hints, folders, and files of every kind."""

import time
from pathlib import Path

import numpy as np
import pytest

from engine import cli
from engine.arrange_hints import HintsError, hints_of
from engine.ensembles import Ensemble, load_ensemble
from engine.errors import RipienoError
from engine.interchange.scores import read_score
from engine.midi.files import read_midi, write_midi
from engine.midi.performance import Performance, Track, in_playing_order, new_events
from engine.midi.tempo import TempoMap
from engine.offline_arranging import arrange_offline, players_of
from engine.paths import presets_folder
from models import registry

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"


@pytest.fixture(scope="module")
def quartet() -> Ensemble:
    return load_ensemble("string_quartet")


@pytest.fixture(scope="module")
def score() -> Performance:
    return read_midi(PIECE)


def chords(*keys: tuple[int, ...]) -> Performance:
    """Quarter notes at 120 a minute on one piano."""
    rows = []
    for beat, chord in enumerate(keys):
        for key in chord:
            rows.append((0.5 * beat, bytes((0x90, key, 80)), 0))
            rows.append((0.5 * beat + 0.5, bytes((0x80, key, 64)), 0))
    return Performance("chords", in_playing_order(new_events(rows)), (Track("Piano"),))


HYMN = chords((50, 57, 65, 74), (45, 61, 64, 73), (50, 62, 65, 69), (43, 62, 67, 70))


def parts_at(arrangement, beat: int) -> dict[int, int]:
    notes = Performance("", arrangement.events, arrangement.tracks).notes()
    here = notes[np.isclose(notes["start_seconds"], 0.5 * beat)]
    return dict(zip(here["pitch"].tolist(), here["track"].tolist(), strict=True))


def test_each_voice_of_a_hymn_has_its_part(quartet: Ensemble) -> None:
    arrangement = arrange_offline(HYMN, quartet)
    assert arrangement.notes_in_part == (4, 4, 4, 4)
    assert parts_at(arrangement, 0) == {74: 0, 65: 1, 57: 2, 50: 3}


def test_a_held_out_chorale_is_given_back_its_voices(quartet: Ensemble, score: Performance) -> None:
    arrangement = arrange_offline(score, quartet)
    found = Performance("", arrangement.events, arrangement.tracks).notes()
    wanted: dict[tuple[float, int], set[int]] = {}
    for note in score.notes():
        key = (round(float(note["start_seconds"]), 4), int(note["pitch"]))
        wanted.setdefault(key, set()).add(int(note["track"]))
    right = [
        int(n["track"]) in wanted[round(float(n["start_seconds"]), 4), int(n["pitch"])]
        for n in found
    ]
    assert np.mean(right) > 0.95
    assert {(round(float(n["start_seconds"]), 4), int(n["pitch"])) for n in found} == set(wanted)


def test_ranges_are_kept(score: Performance) -> None:
    choir = load_ensemble("satb_choir")
    arrangement = arrange_offline(score, choir)
    for note in Performance("", arrangement.events, arrangement.tracks).notes():
        part = choir.parts[int(note["track"])]
        assert part.low <= note["pitch"] <= part.high


def test_what_doubles_has_its_notes_too() -> None:
    arrangement = arrange_offline(HYMN, load_ensemble("chamber_orchestra"))
    assert parts_at(arrangement, 0) == {74: 0, 86: 4, 65: 5, 57: 2, 50: 6, 38: 7}
    assert sum(arrangement.notes_in_part) == 4 * 8


def test_another_models_voices_find_parts_by_range(quartet: Ensemble) -> None:
    model = registry.find_offline("quartets_offline")
    assert players_of(quartet, model) == [0, 1, 2, 3]
    assert players_of(load_ensemble("brass_quartet"), model) == [0, 1, 2, 3]
    assert players_of(load_ensemble("organ_pedal"), model) == [0, 0, 0, 1]
    arrangement = arrange_offline(HYMN, quartet, "quartets_offline")
    assert sum(arrangement.notes_in_part) == 16
    with pytest.raises(RipienoError, match="no model 'kazoos'"):
        arrange_offline(HYMN, quartet, "kazoos")
    with pytest.raises(RipienoError, match="'chorales' is one for separation"):
        arrange_offline(HYMN, quartet, "chorales")


# Hints


def hints(folder: Path, text: str) -> Path:
    path = folder / "hints.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_part_enters_and_leaves_when_the_hints_say(quartet: Ensemble, tmp_path: Path) -> None:
    path = hints(tmp_path, "[parts.Cello]\nenters = 2\n[parts.Viola]\nleaves = 3\n")
    arrangement = arrange_offline(HYMN, quartet, "", path)
    assert 3 not in parts_at(arrangement, 1).values()
    assert parts_at(arrangement, 2)[50] == 3
    assert 2 in parts_at(arrangement, 2).values()
    assert 2 not in parts_at(arrangement, 3).values()


def test_locks_and_silence(quartet: Ensemble, tmp_path: Path) -> None:
    path = hints(
        tmp_path, '[parts."Violin II"]\nplaying = 0\n[parts.Viola]\nlock_low = 70\nlock_high = 75\n'
    )
    arrangement = arrange_offline(HYMN, quartet, "", path)
    assert arrangement.notes_in_part[1] == 0
    assert parts_at(arrangement, 0)[74] == 2


def test_a_home_draws_near_notes(quartet: Ensemble, tmp_path: Path) -> None:
    lone = chords(*[(62,)] * 4)
    plain = arrange_offline(lone, quartet).notes_in_part
    viola = arrange_offline(lone, quartet, "", hints(tmp_path, "[parts.Viola]\nhome = 62\n"))
    assert viola.notes_in_part[2] >= plain[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[parts.Kazoo]\nhome = 60", "no part is called 'Kazoo': Violin I"),
        ("[parts.Viola]\nvolume = 3", "unknown key 'volume', legal are playing, home"),
        ("[parts.Viola]\nhome = 128", "home = 128 must be a whole number from -1 to 127"),
        ("[parts.Viola]\nenters = -1", "enters = -1 must be a number from 0"),
        ("[parts]\nViola = 3", "parts.Viola must be a table"),
        ("home = 60", 'must hold tables headed \\[parts."NAME"\\]'),
        ("[parts", "is not valid TOML"),
    ],
)
def test_hints_that_cannot_be_followed(
    quartet: Ensemble, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(HintsError, match=message):
        hints_of(quartet, hints(tmp_path, text))
    with pytest.raises(HintsError, match="cannot be read"):
        hints_of(quartet, tmp_path / "none.toml")


# The command


def arrange(*words: object) -> int:
    return cli.main(["arrange", *(str(word) for word in words)])


def test_tempo_meter_key_names_and_programs_are_kept(tmp_path: Path, score: Performance) -> None:
    for name in ("out.mid", "out.musicxml"):
        out = tmp_path / name
        assert arrange(PIECE, "-o", out, "--offline", "--ensemble", "satb_choir") == 0
        read = read_score(out)
        assert [track.name for track in read.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
        assert {track.program for track in read.tracks} == {52}
        assert read.time_signatures[0] == score.time_signatures[0]
        assert read.key_signatures == score.key_signatures
        np.testing.assert_allclose(
            read.tempo.seconds_per_beat[0], score.tempo.seconds_per_beat[0], rtol=1e-4
        )


def test_a_folder_is_arranged_file_by_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.mid").write_bytes(PIECE.read_bytes())
    (source / "b.mid").write_bytes(b"MThd but no more")
    (source / "notes.txt").write_text("not a score")
    assert arrange(source, "-o", tmp_path / "out", "--offline", "--form", "musicxml") == 1
    told = capsys.readouterr()
    assert "1 of 2 scores arranged" in told.out
    assert "b.mid" in told.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.musicxml"]
    assert arrange(tmp_path / "out", "-o", tmp_path / "again", "--offline") == 0
    assert read_midi(tmp_path / "again" / "a.mid").tracks[3].name == "Cello"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--hints", "x.toml"), "are for --offline"),
        (("--model", "chorales_offline"), "are for --offline"),
        (("--offline", "--chord-window", "3"), "--chord-window means nothing"),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert arrange(PIECE, "-o", tmp_path / "x.mid", *words) != 0
    assert message in capsys.readouterr().err


def many(notes: int) -> Performance:
    """A long piece in four voices."""
    random = np.random.default_rng(1)
    rows = []
    for number in range(notes // 4):
        for middle in (71, 65, 59, 51):
            key = middle + int(random.integers(-4, 5))
            start = 0.25 * number
            rows.append((start, bytes((0x90, key, 80)), 0))
            rows.append((start + 0.24, bytes((0x80, key, 64)), 0))
    return Performance("many", in_playing_order(new_events(rows)), (Track("Piano"),))


def test_ten_thousand_notes_take_less_than_three_seconds_of_work(quartet: Ensemble) -> None:
    piece = many(10_000)
    begun_s = time.process_time()
    arrangement = arrange_offline(piece, quartet)
    assert time.process_time() - begun_s < 3.0
    assert sum(arrangement.notes_in_part) > 9_700  # the rest shared a key


def test_a_file_without_a_tempo_and_one_of_sixteen_channels(
    quartet: Ensemble, tmp_path: Path
) -> None:
    rows = [(0.1 * c, bytes((0x90 | c, 40 + 2 * c, 80)), c) for c in range(16)]
    rows += [(2.0, bytes((0x80 | c, 40 + 2 * c, 64)), c) for c in range(16)]
    tracks = tuple(Track(f"Track {c}", channel=c + 1) for c in range(16))
    events = in_playing_order(new_events(rows))
    write_midi(tmp_path / "wide.mid", tracks, events, TempoMap.steady())
    arrangement = arrange_offline(read_midi(tmp_path / "wide.mid"), quartet)
    assert sum(arrangement.notes_in_part) == 15  # drums are left out
    assert "drum" in arrangement.remarks[0]


@pytest.mark.parametrize("content", [b"", b"MThd", b"\x00" * 100, b"<html></html>"])
def test_what_is_no_score_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    assert arrange(path, "-o", tmp_path / "out.mid", "--offline") != 0
    said = capsys.readouterr().err.strip()
    assert "bad.mid" in said
    assert len(said.splitlines()) == 1
