"""DAWproject's notes: clips as they would be played, and what we write comes back the same."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.interchange import dawproject_reading
from engine.interchange.dawproject_reading import read_dawproject
from engine.interchange.export import export_take
from engine.interchange.song import song_of_take
from engine.interchange.written import ScoreError
from engine.midi.performance import Performance, paired_notes
from engine.takes import TransportPoint
from tests.engine.interchange.recorded import ROLLING, record

STRUCTURE = """<Structure>
<Track id="group" contentType="tracks" name="Strings">
  <Track id="t0" contentType="notes" name="Violin"/>
  <Track id="t1" contentType="notes" name="Kit"/>
</Track></Structure>"""


def project(tmp_path: Path, arrangement: str, transport: str = "") -> Path:
    text = (
        f"<Project version='1.0'><Application name='x' version='1'/>{transport}{STRUCTURE}"
        f"<Arrangement>{arrangement}</Arrangement></Project>"
    )
    path = tmp_path / "song.dawproject"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("project.xml", text)
    return path


def lane(inside: str, track: str = "t0", unit: str = "beats") -> str:
    return f"<Lanes timeUnit='{unit}'><Lanes track='{track}'>{inside}</Lanes></Lanes>"


def note(time: float, duration: float = 1.0, key: int = 60, channel: int = 0) -> str:
    return f"<Note time='{time}' duration='{duration}' channel='{channel}' key='{key}' vel='0.5'/>"


def played(piece: Performance) -> list[tuple[float, float, int]]:
    notes = piece.notes()
    starts, ends = (piece.tempo.to_beats(notes[key]) for key in ("start_seconds", "end_seconds"))
    rows = zip(
        starts.round(6).tolist(), ends.round(6).tolist(), notes["pitch"].tolist(), strict=True
    )
    return sorted(rows)


def test_notes_of_a_lane_and_of_clips(tmp_path: Path) -> None:
    clips = (
        "<Clips><Clip time='4' duration='4'><Notes>"
        + note(0)
        + note(3, 2, 62)
        + note(4)
        + "</Notes>"
        "</Clip><Clip time='12' duration='2' playStart='1'><Notes>"
        + note(0)
        + note(1.5, 9, 64)
        + "</Notes></Clip></Clips>"
    )
    path = project(tmp_path, lane(f"<Notes>{note(0, 0.5, 50)}</Notes>{clips}"))
    assert played(read_dawproject(path)) == [
        (0.0, 0.5, 50),
        (4.0, 5.0, 60),
        (7.0, 8.0, 62),  # the clip ends here
        (12.5, 14.0, 64),
    ]


def test_loops_nested_clips_and_aliases(tmp_path: Path) -> None:
    inside = (
        "<Clips><Clip time='0' duration='7' playStart='1' loopStart='0' loopEnd='3'>"
        f"<Notes id='riff'>{note(0)}{note(2, 1, 67)}</Notes></Clip>"
        "<Clip time='16' duration='2' reference='riff'/>"
        "<Clip time='20' duration='4'><Clips><Clip time='1' duration='2'>"
        f"<Notes>{note(0)}</Notes></Clip></Clips></Clip>"
        "<Clip time='40' duration='2' enable='false'><Notes>" + note(0) + "</Notes></Clip></Clips>"
    )
    assert played(read_dawproject(project(tmp_path, lane(inside)))) == [
        (1.0, 2.0, 67),
        (2.0, 3.0, 60),
        (4.0, 5.0, 67),
        (5.0, 6.0, 60),
        (16.0, 17.0, 60),
        (21.0, 22.0, 60),
    ]


def test_tempo_meter_and_times_in_seconds(tmp_path: Path) -> None:
    transport = (
        "<Transport><Tempo unit='bpm' value='60'/>"
        "<TimeSignature numerator='3' denominator='4'/></Transport>"
    )
    automation = (
        "<TempoAutomation><Target/><RealPoint time='0' value='60' interpolation='hold'/>"
        "<RealPoint time='4' value='120' interpolation='linear'/>"
        "<RealPoint time='5' value='240' interpolation='hold'/></TempoAutomation>"
        "<TimeSignatureAutomation><Target/>"
        "<TimeSignaturePoint time='6' numerator='6' denominator='8'/></TimeSignatureAutomation>"
    )
    clip = (
        "<Clips><Clip time='2' duration='2' contentTimeUnit='seconds'>"
        f"<Notes>{note(0.5, 1)}</Notes></Clip></Clips>"
    )
    piece = read_dawproject(project(tmp_path, lane(clip) + automation, transport))
    assert played(piece) == [(2.5, 3.5, 60)]
    assert piece.time_signatures == ((0.0, 3, 4), (6.0, 6, 8))
    tempos = [60 / rate for rate in piece.tempo.seconds_per_beat]
    assert tempos == pytest.approx([60, 135, 165, 195, 225, 240])
    assert piece.tempo.beats == pytest.approx((0, 4, 4.25, 4.5, 4.75, 5))


def test_drums_controllers_and_bend(tmp_path: Path) -> None:
    points = (
        "<Points unit='normalized'><Target expression='{}' controller='{}' channel='0'/>"
        "<RealPoint time='0.5' value='{}'/></Points>"
    )
    inside = "<Clips><Clip time='4' duration='4'><Lanes><Notes>" + note(0) + "</Notes>"
    inside += points.format("channelController", 64, 1.0) + points.format("pitchBend", "", 0.5)
    inside += points.format("channelController", 123, 1.0) + points.format("pan", "", 0.5)
    inside += "</Lanes></Clip></Clips>"
    kit = f"<Lanes track='t1'><Notes>{note(0, channel=9)}</Notes></Lanes>"
    piece = read_dawproject(
        project(tmp_path, f"<Lanes><Lanes track='t0'>{inside}</Lanes>{kit}</Lanes>")
    )
    assert [(track.name, track.drums) for track in piece.tracks] == [
        ("Violin", False),
        ("Kit", True),
    ]
    controls = piece.events[np.isin(piece.events["status"] & 0xF0, (0xB0, 0xE0))]
    assert controls["seconds"].tolist() == [2.25, 2.25]
    assert [m[1:] for m in piece.messages() if m[0] & 0xF0 in (0xB0, 0xE0)] == [
        b"\x40\x7f",
        b"\x00\x40",
    ]


def test_what_we_write_we_read_the_same(tmp_path: Path) -> None:
    points = [*ROLLING, TransportPoint(38_000, 90.0, 8.0, True, 3)]
    take = record(tmp_path / "takes", points)
    song = song_of_take(take)
    piece = read_dawproject(export_take(take, ["dawproject"], tmp_path / "out"))
    ours = np.sort(paired_notes(song.events, song.seconds), order="start_seconds")
    theirs = np.sort(piece.notes(), order="start_seconds")
    for name in ("pitch", "velocity", "release"):
        np.testing.assert_array_equal(theirs[name], ours[name])
    for name in ("start_seconds", "end_seconds"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-6)
    assert [track.name for track in piece.tracks] == ["Violin 1", "Viola & Co"]
    assert piece.time_signatures == song.time_signatures
    np.testing.assert_allclose(piece.tempo.seconds_per_beat, song.tempo.seconds_per_beat, rtol=1e-9)
    controls = [m for m in piece.messages() if m[0] & 0xF0 not in (0x80, 0x90)]
    assert controls == [b"\xb1\x40\x7f", b"\xe1\x00\x60", b"\xb1\x40\x00", b"\xd1\x21"]


@pytest.mark.parametrize(
    ("arrangement", "why"),
    [
        ("", "there are no notes"),
        (lane("<Notes><Note time='0' duration='1' key='999'/></Notes>"), "there are no notes"),
        (lane(f"<Notes>{note(0)}</Notes>", track="t9"), "there are no notes"),
        (lane(f"<Notes>{note(9e8)}</Notes>"), "longer than 6 hours"),
        (
            lane("<Clips id='me'><Clip time='0' duration='1' reference='me'/></Clips>"),
            "a clip in it refers to itself",
        ),
        (
            lane(
                "<Clips><Clip time='0' duration='100000' loopStart='0' loopEnd='0.002'>"
                f"<Notes>{note(0) * 50}</Notes></Clip></Clips>"
            ),
            "more than 20000 events",
        ),
    ],
)
def test_unusable_projects_are_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrangement: str, why: str
) -> None:
    monkeypatch.setattr(dawproject_reading, "MOST_EVENTS", 20_000)
    path = project(tmp_path, arrangement)
    with pytest.raises(ScoreError) as refusal:
        read_dawproject(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert why in str(refusal.value)
