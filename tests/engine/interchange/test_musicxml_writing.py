"""MusicXML as written: our reader and MuseScore find the same notes, tempo, meter and key."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.interchange.musicxml_writing import MusicXmlError, write_musicxml
from engine.interchange.scores import read_score
from engine.midi.performance import Performance, Track, in_playing_order, new_events
from engine.midi.tempo import TempoMap

TRACKS = (Track("Flute", 73, 0, 1), Track("Viola", 41, 0, 2), Track("Silent tuba", 58, 0, 3))
TEMPO = TempoMap.from_beats([(0.0, 0.5), (5.0, 0.75), (9.5, 0.4)])
METERS = ((0.0, 3, 4), (6.0, 6, 8), (12.0, 4, 4))
KEYS = ((0.0, "Eb"), (6.0, "F#m"))


def random_music(seed: int) -> list[tuple[float, float, int, int]]:
    """Onset and end in beats, key and track: twos and threes, chords, voices, ties over bars."""
    random = np.random.default_rng(seed)
    rows = []
    for track in range(2):
        last: dict[int, float] = {}
        for quarter in range(24):
            unit = 1 / 3 if random.random() < 0.3 else 1 / 4
            for place in random.choice(round(1 / unit), 2, replace=False).tolist():
                start = quarter + place * unit
                for key in set(random.integers(50, 90, 2).tolist()):
                    if last.get(key, -1.0) <= start:
                        ends = np.ceil(start + 0.01) + float(random.integers(0, 2))
                        end = start + unit if random.random() < 0.6 else ends
                        rows.append((start, end, key, track))
                        last[key] = end
    return rows


def events_of(rows: list[tuple[float, float, int, int]]) -> np.ndarray:
    messages = []
    for start, end, key, track in rows:
        messages.append((float(TEMPO.to_seconds(start)), bytes((0x90, key, 70)), track))
        messages.append((float(TEMPO.to_seconds(end)), bytes((0x80, key, 64)), track))
    return in_playing_order(new_events(messages))


def written(path: Path, rows: list[tuple[float, float, int, int]]) -> Path:
    write_musicxml(
        path,
        TRACKS,
        events_of(rows),
        TEMPO,
        time_signatures=METERS,
        key_signatures=KEYS,
        title="Études & more",
        ranges=[(60, 90), (48, 88), (26, 65)],
    )
    return path


def onsets(performance: Performance, track: int) -> list[tuple[float, int]]:
    notes = performance.notes()
    beats = performance.tempo.to_beats(notes["start_seconds"])
    own = notes["track"] == track
    pairs = zip(beats[own].tolist(), notes["pitch"][own].tolist(), strict=True)
    return sorted((round(beat, 2), key) for beat, key in pairs)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_written_is_read_again(tmp_path: Path, seed: int) -> None:
    rows = random_music(seed)
    read = read_score(written(tmp_path / "score.musicxml", rows))
    for track in range(2):
        wanted = sorted((round(start, 2), key) for start, _, key, t in rows if t == track)
        assert onsets(read, track) == wanted
    assert [track.name for track in read.tracks] == ["Flute", "Viola"]
    assert [track.program for track in read.tracks] == [73, 41]
    np.testing.assert_allclose(read.tempo.beats, TEMPO.beats)
    np.testing.assert_allclose(read.tempo.seconds_per_beat, TEMPO.seconds_per_beat, rtol=1e-5)
    meters = [(round(beat, 6), *meter) for beat, *meter in read.time_signatures[:3]]
    assert tuple(meters) == METERS
    assert tuple((round(beat, 6), key) for beat, key in read.key_signatures) == KEYS


def test_lengths_are_kept_and_tied(tmp_path: Path) -> None:
    rows = [(0.5, 4.0, 60, 0), (4.0, 4 + 1 / 3, 62, 0), (4 + 1 / 3, 6.0, 64, 0)]
    notes = read_score(written(tmp_path / "ties.musicxml", rows)).notes()
    ends = sorted(TEMPO.to_beats(notes["end_seconds"]).tolist())
    np.testing.assert_allclose(ends, [4.0, 4 + 1 / 3, 6.0], atol=1e-6)


def test_every_measure_is_full_in_every_voice(tmp_path: Path) -> None:
    path = written(tmp_path / "full.musicxml", random_music(9))
    root = ElementTree.parse(path).getroot()
    lengths = {"3/4": 72, "6/8": 72, "4/4": 96}
    for part in root.iterfind("part"):
        meter = ""
        for measure in part.iterfind("measure"):
            time = measure.find("attributes/time")
            if time is not None:
                meter = f"{time.findtext('beats')}/{time.findtext('beat-type')}"
            voices: dict[str, int] = {}
            for note in measure.iterfind("note"):
                if note.find("chord") is None:
                    voice = note.findtext("voice") or ""
                    voices[voice] = voices.get(voice, 0) + int(note.findtext("duration") or 0)
            assert set(voices.values()) == {lengths[meter]}


def test_clefs_stand_at_the_beginning(tmp_path: Path) -> None:
    path = written(tmp_path / "clefs.musicxml", [(0.0, 1.0, 80, 0), (0.0, 1.0, 60, 1)])
    root = ElementTree.parse(path).getroot()
    assert [c.findtext("sign") for c in root.iterfind("part/measure/attributes/clef")] == [
        "G", "C", "F",
    ]  # fmt: skip
    assert root.findtext("work/work-title") == "Études & more"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MusicXmlError, match="cannot be written: No such file"):
        written(tmp_path / "no" / "score.musicxml", [(0.0, 1.0, 60, 0)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_musescore_finds_the_same_notes(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("musescore3") is None:
        pytest.fail("musescore3 is not installed (Debian: apt-get install musescore3)")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    rows = random_music(seed)
    path = written(tmp_path / "score.musicxml", rows)
    midi = tmp_path / "score.mid"
    subprocess.run(["musescore3", "-o", midi, path], check=True, capture_output=True, timeout=300)
    read = read_score(midi)
    for track in range(2):
        wanted = sorted((round(start, 2), key) for start, _, key, t in rows if t == track)
        found = onsets(read, track)
        assert [key for _, key in found] == [key for _, key in wanted]
        np.testing.assert_allclose([b for b, _ in found], [b for b, _ in wanted], atol=0.02)
