"""`ripieno continue` and `compose`: files, table, pictures, and bad input in one sentence."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import mido
import numpy as np
import pytest

from engine import cli
from engine.commands.making import players_of
from engine.interchange.export import export_take
from engine.midi.files import read_midi, write_midi
from engine.midi.performance import Track, new_events
from engine.paths import presets_folder
from models.mmt import decoder as d
from models.mmt.representation import NOTE
from models.mmt.shape import IN_TURN, ROTARY, Shape, random_weights
from tests.engine.interchange.recorded import ROLLING, ROWS, record
from tests.engine.take_stream import off, on

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
MUSICXML = b"""<score-partwise><part-list><score-part id='P1'><part-name>Flute</part-name>
<midi-instrument id='I1'><midi-program>74</midi-program></midi-instrument></score-part></part-list>
<part id='P1'><measure number='1'><attributes><divisions>1</divisions><time><beats>3</beats>
<beat-type>4</beat-type></time></attributes><direction><sound tempo='72'/></direction>%s</measure>
</part></score-partwise>"""
NOTES = [
    b"<note><pitch><step>%s</step><octave>5</octave></pitch><duration>1</duration></note>" % step
    for step in (b"C", b"E", b"G", b"F", b"D", b"C")
]
BARS = b"".join((*NOTES[:3], b"</measure><measure number='2'>", *NOTES[3:]))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that has learnt nothing instead of the one that ships."""
    shape = Shape(1, 64, 64, 96, IN_TURN, ROTARY, 64, 64)
    weights = random_weights(shape, 4)
    weights["turn0.logits_bias"][NOTE] += 4
    weights["turn1.logits_bias"][1:3] += 8
    decoder = d.from_floats(weights, shape)
    monkeypatch.setattr(d, "shipped", lambda: decoder)


def ripieno(*words: object) -> int:
    return cli.main([str(word) for word in words])


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_candidates_and_their_pictures(tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.mid"
    words = ["--prompt-beats", 16, "--beats", 12, "--count", 3, "--png"]
    assert ripieno("continue", PIECE, "-o", out, *words) == 0
    told = capsys.readouterr().out.splitlines()
    names = {f"out-{n}.{end}" for n in (1, 2, 3) for end in ("mid", "png")}
    assert {path.name for path in tmp_path.iterdir()} == names
    rows = [line.split() for line in told[1:4]]
    assert [row[0] for row in rows] == [str(tmp_path / f"out-{n}.mid") for n in (1, 2, 3)]
    nats = [float(row[2]) for row in rows]
    assert nats == sorted(nats)
    source = read_midi(PIECE)
    given = int((source.tempo.to_beats(source.notes()["start_seconds"]) < 15.99).sum())
    for row in rows:
        song = read_midi(row[0])
        assert len(song.notes()) == given + int(row[1])
        assert [t.name for t in song.tracks][:4] == [t.name for t in source.tracks]
        assert song.time_signatures[0] == source.time_signatures[0]
        assert song.tempo.seconds_per_beat[0] == source.tempo.seconds_per_beat[0]
        end = song.tempo.to_beats(song.notes()["end_seconds"]).max()
        assert end <= 28.01


@pytest.mark.usefixtures("small")
def test_the_same_seed_is_the_same_file(tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        out = tmp_path / f"{name}.mid"
        assert ripieno("continue", PIECE, "-o", out, "--seed", seed, "--beats", 16) == 0
        made.append(read_midi(out).notes())
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


@pytest.mark.usefixtures("small")
def test_musicxml_goes_on_for_other_instruments_by_seconds(tmp_path: Path) -> None:
    score = tmp_path / "tune.musicxml"
    score.write_bytes(MUSICXML % BARS)
    out = tmp_path / "tune.mid"
    words = ["--instruments", "string ensemble", "48", "oboe", "--seconds", 10]
    assert ripieno("continue", score, "-o", out, *words) == 0
    song = read_midi(out)
    assert song.time_signatures[0] == (0.0, 3, 4)
    assert song.tempo.seconds_per_beat == pytest.approx((60 / 72,))
    assert {track.program for track in song.tracks} <= {73, 48, 68}
    late = song.notes()[6:]
    assert (late["start_seconds"] > 4.99).all()
    assert late["end_seconds"].max() < 15.01
    assert {song.tracks[t].program for t in set(late["track"].tolist())} <= {48, 68}


@pytest.mark.usefixtures("small")
def test_a_dawproject_is_continued_too(tmp_path: Path) -> None:
    more = [
        on(60_000, 4, 0, 76),
        off(64_000, 4, 0, 76),
        on(64_000, 5, 2, 40),
        off(68_000, 5, 2, 40),
    ]
    take = record(tmp_path / "takes", ROLLING, [*ROWS, *more])
    project = export_take(take, ["dawproject"], tmp_path)
    assert ripieno("continue", project, "-o", tmp_path / "out.mid", "--beats", 8) == 0
    song = read_midi(tmp_path / "out.mid")
    assert len(song.notes()) > 5
    assert "Violin 1" in [track.name for track in song.tracks]


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_composing(tmp_path: Path, capsys) -> None:
    out = tmp_path / "new.mid"
    words = ["--instruments", "violin,", "church organ", "--tempo", 84, "--beats", 24, "--png"]
    assert ripieno("compose", "-o", out, *words) == 0
    song = read_midi(out)
    assert {track.program for track in song.tracks} <= {40, 19}
    assert song.tempo.seconds_per_beat == pytest.approx((60 / 84,), rel=1e-5)
    assert f"{len(song.notes())} notes" in capsys.readouterr().out
    assert (tmp_path / "new.png").stat().st_size > 5000
    assert ripieno("compose", "-o", out, "--beats", 16, "--seed", 2) == 0


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["violin", "viola"], ["Violin", "Viola"]),
        (["string ensemble"], ["String ensemble 1"]),
        (["string", "ensemble,", "church", "organ"], ["String ensemble 1", "Church organ"]),
        (["violin,viola,", "42"], ["Violin", "Viola", "Cello"]),
        (["40", "violin", "Violins"], ["Violin"]),
        ([], []),
    ],
)
def test_who_is_to_play(words: list[str], names: list[str]) -> None:
    assert [player.name for player in players_of(words)] == names


def bad(folder: Path) -> dict[str, Path]:
    """Files that cannot be continued."""
    files = {name: folder / f"{name}.mid" for name in ("empty", "text", "cut", "drums", "short")}
    files["empty"].write_bytes(b"")
    files["text"].write_bytes(b"This is not music.")
    files["cut"].write_bytes(PIECE.read_bytes()[:200])
    rows = [(n / 2, bytes((0x99, 38, 90)), 0) for n in range(9)]
    rows += [(n / 2 + 0.2, bytes((0x89, 38, 0)), 0) for n in range(9)]
    write_midi(files["drums"], [Track("Drums", channel=10)], new_events(rows))
    rows = [(0.0, b"\x90\x3c\x50", 0), (0.5, b"\x80\x3c\x00", 0)]
    write_midi(files["short"], [Track("Piano")], new_events(rows))
    crowd = mido.MidiFile()
    for n in (*range(9), *range(10, 16)):
        on, off = (mido.Message(k, note=60, channel=n, time=480) for k in ("note_on", "note_off"))
        program = mido.Message("program_change", program=n, channel=n)
        crowd.tracks.append(mido.MidiTrack([program, on, off]))
    files["crowd"] = folder / "crowd.mid"
    crowd.save(files["crowd"])
    return files | {"none": folder / "none.mid", "piece": PIECE}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("empty", [], "empty.mid: not a MIDI file, it is empty"),
        ("text", [], "text.mid: not a MIDI file"),
        ("cut", [], "cut.mid: "),
        ("none", [], "none.mid: cannot be read: No such file"),
        ("drums", [], "drums.mid: there are only drums in it"),
        ("short", [], "short.mid: there are 1 notes in it that can be continued, at least 4"),
        ("piece", ["--prompt-beats", "1", "--instruments", "kazoo"], "'kazoo' is not known"),
        ("piece", ["--instruments", "seashore"], "is an effect"),
        ("crowd", ["--instruments", "cello"], "no room for Cello: all 15 channels"),
        ("piece", ["-o", "no/such/folder/out.mid"], "there is no folder no/such/folder"),
        ("piece", ["-o", "out.wav"], "out.wav: what is written is MIDI, its name must end in .mid"),
    ],
)
def test_bad_input_is_1_and_one_sentence(
    name: str, words: list[str], says: str, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out.mid"
    assert ripieno("continue", bad(tmp_path)[name], "-o", out, *words) == 1
    error = capsys.readouterr().err
    assert error.startswith("ripieno: ")
    assert error.count("\n") == 1
    assert says in error
    assert not out.exists()


@pytest.mark.usefixtures("small")
def test_neither_the_score_nor_a_folder_is_written_over(tmp_path: Path, capsys) -> None:
    names = ("score.mid", "folder.mid", "link.mid", "link-2.mid")
    score, folder, link, second = (tmp_path / name for name in names)
    shutil.copy(PIECE, score)
    folder.mkdir()
    link.symlink_to(score)
    second.symlink_to(score)
    for out, count, says in (
        (score, 1, "score.mid: that is the score itself; name another file to write"),
        (link, 1, "link.mid: that is the score itself"),
        (link, 2, "link-2.mid: that is the score itself"),
        (folder, 1, "folder.mid: cannot be written: it is a folder"),
    ):
        words = ["-o", out, "--count", count, "--prompt-beats", 8, "--beats", 4]
        assert ripieno("continue", score, *words) == 1
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
    assert score.read_bytes() == PIECE.read_bytes()
    assert ripieno("compose", "-o", folder, "--beats", 4) == 1
    assert "it is a folder" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["continue", "a.mid"], "-o"),
        (["continue", "a.mid", "-o", "b.mid", "--beats", "0"], "0 is outside 1 .. 2048 beats"),
        (["continue", "a.mid", "-o", "b.mid", "--beats", "4", "--seconds", "4"], "not allowed"),
        (["compose", "-o", "b.mid", "--count", "65"], "65 is outside 1 .. 64 candidates"),
        (["compose", "-o", "b.mid", "--tempo", "1"], "1 is outside 20 .. 400 bpm"),
        (["compose", "-o", "b.mid", "--temperature", "9"], "9 is outside 0.1 .. 2"),
    ],
)
def test_wrong_usage_is_2(words: list[str], says: str, capsys) -> None:
    assert ripieno(*words) == 2
    assert says in capsys.readouterr().err


def notes_in_musescore(path: Path, folder: Path) -> int:
    """How many notes begin when MuseScore opens a file."""
    out = folder / "out.musicxml"
    subprocess.run(
        ["musescore3", "-o", str(out), str(path)],
        check=True,
        timeout=240,
        capture_output=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder)},
    )
    root = ElementTree.parse(out).getroot()
    sounding = [note for note in root.iter("note") if note.find("pitch") is not None]
    return sum(all(t.get("type") != "stop" for t in n.findall("tie")) for n in sounding)


@pytest.mark.slow
def test_musescore_opens_every_note_that_was_made(tmp_path: Path) -> None:
    """With the network that ships, from a score, from instruments and from nothing."""
    assert shutil.which("musescore3"), "MuseScore is to be installed: .ci/system-packages"
    out = tmp_path / "out.mid"
    for words in (
        ["continue", PIECE, "--prompt-beats", "24", "--instruments", "voices", "cello"],
        ["compose", "--instruments", "flute", "piano", "--beats", "48"],
        ["compose", "--seed", "3", "--beats", "48"],
    ):
        assert ripieno(*words, "-o", out) == 0
        notes = len(read_midi(out).notes())
        assert notes > 20
        assert notes_in_musescore(out, tmp_path) == notes


def test_an_unusual_company_plays_together(tmp_path: Path, capsys) -> None:
    """The network that ships has heard no flute with three strings: it plays, and not alone."""
    words = ["violin", "viola", "cello", "flute"]
    assert ripieno("compose", "--instruments", *words, "-o", tmp_path / "out.mid") == 0
    played = re.findall(r"(violin|viola|cello|flute) (\d+)", capsys.readouterr().out)
    assert [name for name, _ in played] == words
    counts = [int(count) for _, count in played]
    assert min(counts) > 0.02 * sum(counts)
