"""The loaders of the paper's own sources, on small archives made here and served by ourselves."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import mido
import numpy as np
import pytest

from training.part_separation.study import archives
from training.part_separation.study.corpora import SPLITS, load, save


def midi(*tracks, ticks=480, tempo=500_000):
    """Return a MIDI file's bytes of (name, program, channel, [(onset, length, pitch)]) tracks."""
    file = mido.MidiFile(ticks_per_beat=ticks)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo)]))
    for name, program, channel, notes in tracks:
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("program_change", program=program, channel=channel))
        events = [(on, 1, pitch) for on, _, pitch in notes]
        events += [(on + length, 0, pitch) for on, length, pitch in notes]
        now = 0
        for at, kind, pitch in sorted(events):
            velocity = 64 * kind
            track.append(
                mido.Message(
                    "note_on", note=pitch, velocity=velocity, time=at - now, channel=channel
                )
            )
            now = at
        file.tracks.append(track)
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def archive(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def served(tmp_path):
    """A folder and the address of a server of it."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def test_an_archive_is_fetched_once_and_checked(served, tmp_path):
    folder, address = served
    sha256 = archive(folder / "a.tar.gz", {"a/b.mid": midi(("x", 0, 0, [(0, 480, 60)]))})
    path = tmp_path / "deep" / "a.tar.gz"
    archives.fetch(f"{address}/a.tar.gz", sha256, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    (folder / "a.tar.gz").unlink()
    archives.fetch(f"{address}/a.tar.gz", sha256, path)
    assert [name for name, _ in archives.members(path)] == ["a/b.mid"]


def test_a_wrong_archive_is_refused_and_not_kept(served, tmp_path):
    folder, address = served
    archive(folder / "a.tar.gz", {})
    with pytest.raises(SystemExit, match="sha256"):
        archives.fetch(f"{address}/a.tar.gz", "0" * 64, tmp_path / "a.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["served"]
    (tmp_path / "b.tar.gz").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="sha256"):
        archives.fetch(f"{address}/b.tar.gz", "0" * 64, tmp_path / "b.tar.gz")


def test_a_file_address_serves_as_well(tmp_path):
    sha256 = archive(tmp_path / "a.tar.gz", {})
    archives.fetch((tmp_path / "a.tar.gz").as_uri(), sha256, tmp_path / "copy.tar.gz")
    assert (tmp_path / "copy.tar.gz").exists()


def test_musicnet_gives_quartets_only(tmp_path):
    scale = [(480 * i, 480, 0) for i in range(4)]

    def part(program, low):
        return (
            f"{low}",
            program,
            0,
            [(on, length, low + i) for i, (on, length, _) in enumerate(scale)],
        )

    quartet = midi(part(42, 40), part(40, 76), part(40, 70), part(41, 60))
    sonata = midi(part(0, 60), part(40, 70))
    files = {f"musicnet_midis/Haydn/{i}_op{i // 2}_{i}.mid": quartet for i in range(20)}
    files |= {"musicnet_midis/Bach/1_x_1.mid": sonata, "musicnet_midis/Bach/2_x_1.mid": b"no midi"}
    archive(tmp_path / "m.tar.gz", files)
    rows = archives.read_musicnet(archives.members(tmp_path / "m.tar.gz"))
    assert len(rows) == 20
    piece, _, _ = rows[0]
    assert piece.notes[:4].tolist() == [
        [0, 24, 40, 3],
        [0, 24, 60, 2],
        [0, 24, 70, 1],
        [0, 24, 76, 0],
    ]
    sides = {}
    for _, work, side in rows:
        sides.setdefault(work, set()).add(side)
    assert all(len(side) == 1 for side in sides.values())
    assert len(sides) == 10


def test_nes_keeps_its_split_and_counts_absolute_time(tmp_path):
    ticks, second = 22050, 44100
    song = midi(
        ("p1", 80, 0, [(0, second // 2, 72)]),
        ("p2", 81, 1, [(second, second // 5, 67)]),
        ("tr", 38, 2, []),
        ("no", 121, 9, [(0, 100, 3)]),
        ticks=ticks,
    )
    alone = midi(("p1", 80, 0, [(0, 100, 72)]), ("no", 121, 9, [(0, 100, 3)]), ticks=ticks)
    archive(
        tmp_path / "n.tar.gz",
        {
            "nesmdb_midi/train/001_A_01.mid": song,
            "nesmdb_midi/test/002_B_01.mid": song,
            "nesmdb_midi/valid/003_C_01.mid": alone,
        },
    )
    rows = archives.read_nes(archives.members(tmp_path / "n.tar.gz"))
    assert [(piece.name, game, SPLITS[side]) for piece, game, side in rows] == [
        ("002_B_01.mid", "002", "test"),
        ("001_A_01.mid", "001", "train"),
    ]
    assert rows[0][0].notes.tolist() == [[0, 25, 72, 0], [50, 10, 67, 1]]


def test_lakh_maps_programs_to_families_and_leaves_out_the_rest(tmp_path):
    band = midi(
        ("piano", 1, 0, [(0, 240, 60)]),
        ("guitar", 25, 1, [(0, 480, 64)]),
        ("bass", 33, 2, [(0, 480, 40)]),
        ("violin", 40, 3, [(480, 480, 76)]),
        ("trumpet", 56, 4, [(480, 480, 70)]),
        ("flute", 73, 5, [(0, 480, 90)]),
        ("drums", 0, 9, [(0, 480, 36)]),
    )
    solo = midi(("piano", 1, 0, [(0, 240, 60)]), ("flute", 73, 1, [(0, 480, 90)]))
    archive(tmp_path / "l.tar.gz", {"lmd/a.mid": band, "lmd/b.mid": solo, "lmd/c.mid": b"MThd"})
    rows = archives.read_lakh(archives.members(tmp_path / "l.tar.gz"))
    assert [piece.name for piece, _, _ in rows] == ["lmd/a.mid"]
    assert rows[0][0].notes.tolist() == [
        [0, 24, 40, 2],
        [0, 12, 60, 0],
        [0, 24, 64, 1],
        [24, 24, 70, 4],
        [24, 24, 76, 3],
    ]


def test_what_was_read_is_loaded(tmp_path):
    piece = archives.Chorale("a", np.array([[0, 24, 60, 0], [0, 24, 64, 1]], np.int32))
    save(tmp_path / "game.npz", [(piece, "w", 2)])
    corpus = load("game", tmp_path)
    assert (len(corpus.train), len(corpus.test)) == (0, 1)
    assert (corpus.test[0].notes == piece.notes).all()
