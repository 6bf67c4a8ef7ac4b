"""The single notes from their sources: small ones of our own, served by ourselves."""

import functools
import hashlib
import http.server
import io
import lzma
import struct
import subprocess
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.training.latent_morph.tones import tone
from training.latent_morph import originals
from training.latent_morph.originals import File, Pack, Repository, make, measured_hz
from training.latent_morph.soundfont_samples import samples_of
from training.latent_morph.sources import FLUIDR3, PHILHARMONIA, SPLENDID, folder_of, read_takes


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path):
    """A folder, and the address of a server of it."""
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


def file_of(audio: np.ndarray, form: str) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, audio, 24000, format=form)
    return written.getvalue()


def soundfont() -> bytes:
    """Two programs: the first with a left and a right sample, the second not ours."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    sound = (32767 * tone(69, 0.3)).astype("<i2")
    count = len(sound)
    name = functools.partial(struct.pack, "<20s")
    headers = [
        struct.pack("<20s5IBbHH", b"A4(L)", 0, count, count // 2, count - 1, 24000, 69, 0, 1, 4),
        struct.pack("<20s5IBbHH", b"A4(R)", 0, count, 0, 0, 24000, 69, 0, 0, 2),
        struct.pack("<20s5IBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ]
    pdta = {
        b"phdr": b"".join(
            name(title) + struct.pack("<HHHIII", program, 0, bag, 0, 0, 0)
            for title, program, bag in ((b"Violin", 40, 0), (b"Gong", 99, 1), (b"EOP", 0, 2))
        ),
        b"pbag": struct.pack("<6H", 0, 0, 1, 0, 2, 0),
        b"pgen": struct.pack("<6H", 41, 0, 41, 0, 0, 0),
        b"inst": name(b"Violin") + struct.pack("<H", 0) + name(b"EOI") + struct.pack("<H", 3),
        b"ibag": struct.pack("<8H", 0, 0, 1, 0, 3, 0, 4, 0),
        b"igen": struct.pack("<8H", 54, 1, 58, 70, 53, 0, 53, 1) + struct.pack("<2H", 0, 0),
        b"shdr": b"".join(headers),
    }
    lists = chunk(b"LIST", b"sdta" + chunk(b"smpl", sound.tobytes()))
    lists += chunk(b"LIST", b"pdta" + b"".join(chunk(k, v) for k, v in pdta.items()))
    return chunk(b"RIFF", b"sfbk" + lists)


def package(content: bytes) -> bytes:
    """A Debian package that holds a SoundFont."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as files:
        info = tarfile.TarInfo("./usr/share/sounds/sf2/one.sf2")
        info.size = len(content)
        files.addfile(info, io.BytesIO(content))
    parts = {b"debian-binary": b"2.0\n", b"data.tar.xz": lzma.compress(written.getvalue())}
    whole = b"!<arch>\n"
    for name, body in parts.items():
        whole += name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"100644".ljust(8)
        whole += str(len(body)).encode().ljust(10) + b"`\n" + body + b"\n" * (len(body) % 2)
    return whole


def repository(folder: Path, files: dict[str, bytes]) -> Repository:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for step in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "notes"]):
        subprocess.run([*git, *step], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return Repository(f"file://{folder}", head.stdout.strip())


def test_a_soundfonts_own_channel_and_key_are_found() -> None:
    (found,) = samples_of(soundfont(), (40,))
    assert (found.program, found.name, found.key, found.rate_hz) == (40, "A4(L)", 70, 24000)
    assert len(found.audio(3.0)) == 48000, "it loops"
    assert len(found.audio(0.1)) == 2400
    with pytest.raises(SystemExit, match="this is no SoundFont"):
        list(samples_of(b"RIFF", (40,)))


def test_a_package_is_fetched_checked_and_read(served, tmp_path: Path, monkeypatch) -> None:
    folder, address = served
    content = package(soundfont())
    (folder / "one.deb").write_bytes(content)
    source = File(f"{address}/one.deb", hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(originals.PACKS, FLUIDR3, Pack(source, originals.fluidr3))
    made = make(FLUIDR3, tmp_path / "out")
    (folder / "one.deb").unlink()
    assert make(FLUIDR3, tmp_path / "out") == made, "what is there is not fetched again"
    assert folder_of(FLUIDR3, tmp_path / "out") == made
    audio, rate_hz = soundfile.read(made / "bank" / "040.ogg")
    assert rate_hz == 24000
    assert measured_hz(audio[2000:9000]) == pytest.approx(440, rel=0.01)


def test_a_file_that_is_another_is_refused(served, tmp_path: Path, monkeypatch) -> None:
    folder, address = served
    (folder / "one.deb").write_bytes(b"something else")
    source = File(f"{address}/one.deb", 64 * "0")
    monkeypatch.setitem(originals.PACKS, FLUIDR3, Pack(source, originals.fluidr3))
    with pytest.raises(SystemExit, match=r"one\.deb: its sha256 is"):
        make(FLUIDR3, tmp_path / "out")
    assert not (tmp_path / "out" / FLUIDR3).exists()


@pytest.mark.parametrize(
    "source",
    [
        File("http://127.0.0.1:9/one.deb", 64 * "0"),
        Repository("http://127.0.0.1:9/x.git", 40 * "0"),
    ],
)
def test_without_a_network_there_is_one_sentence(source, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(originals.PACKS, FLUIDR3, Pack(source, originals.fluidr3))
    with pytest.raises(SystemExit) as error:
        make(FLUIDR3, tmp_path)
    sentence = str(error.value)
    assert "cannot be fetched from http://127.0.0.1:9" in sentence
    assert "--data FOLDER" in sentence
    assert "\n" not in sentence


def test_repositories_become_packs_that_are_read(tmp_path: Path, monkeypatch) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for pitch, name in ((57, "A3"), (58, "As3")):
            archive.writestr(
                f"cello/cello_{name}_1_forte_arco-normal.mp3", file_of(tone(pitch), "MP3")
            )
        archive.writestr("cello/cello_A3_phrase_forte_loud_normal.mp3", b"no note")
    strings = repository(tmp_path / "strings", {"cello.zip": zipped.getvalue()})
    flat = file_of(tone(61), "MP3")
    strings = repository(
        tmp_path / "strings",
        {"cello.zip": zipped.getvalue(), "cello_C4_1_piano_arco-normal.mp3": flat},
    )
    keys = {"Samples/FF A#2.flac": 58, "Samples/PP C3.flac": 60}
    piano = repository(
        tmp_path / "keys", {name: file_of(tone(key), "FLAC") for name, key in keys.items()}
    )
    monkeypatch.setitem(originals.PACKS, PHILHARMONIA, Pack(strings, originals.philharmonia))
    monkeypatch.setitem(originals.PACKS, SPLENDID, Pack(piano, originals.splendid))
    sound = tmp_path / "one.deb"
    sound.write_bytes(package(soundfont()))
    source = File(sound.as_uri(), hashlib.sha256(sound.read_bytes()).hexdigest())
    monkeypatch.setitem(originals.PACKS, FLUIDR3, Pack(source, originals.fluidr3))
    out = tmp_path / "out"
    for name in (PHILHARMONIA, SPLENDID, FLUIDR3):
        make(name, out)
    takes = read_takes(out, 100, tmp_path / "nothing")
    found = sorted((take.instrument, take.pitch) for take in takes)
    assert found == [(0, 70), (2, 57), (2, 58), (14, 58), (14, 60)], "a wrong label is left out"
    for take in takes:
        if take.instrument == 2:
            hz = 440 * 2 ** ((take.pitch - 69) / 12)
            assert measured_hz(take.audio()) == pytest.approx(hz, rel=0.01)
