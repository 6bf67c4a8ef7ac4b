"""A real DAW, Ardour 7, records our ports over JACK; our transport starts and stops it."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.jack import JackDevice
from engine.midi.files import read_midi
from engine.notes import NoteLog
from engine.paths import presets_folder
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.ardour import DidNotStartError, Recording, ardour
from tests.engine.matching import found_at
from tests.servers import JackServer, jack_server

pytestmark = [pytest.mark.jack, pytest.mark.slow]
PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
PARTS = 4
RATE_HZ = 48000
SERVERS = 3  # jackd may drop Ardour while it starts, and be of no use afterwards
PLAY_S = 3.0
TWO_STEPS = 2.0**-22  # of the 24 bits a take has


def stereo(name: str) -> list[str]:
    return [f"ripieno-test:{name}_{side}" for side in ("left", "right")]


TRACKS = {
    "Whole": stereo("master"),
    **{f"Part{part}": stereo(f"stem_{part:02d}") for part in range(1, PARTS + 1)},
    "Notes": ["ripieno-test:midi_out"],
}


@pytest.mark.parametrize("block_frames", [128, 256, 512])
def test_ardour_records_what_we_record_sample_by_sample(block_frames: int, tmp_path: Path) -> None:
    if shutil.which("ardour7-lua") is None:
        pytest.fail("Ardour is not installed (Debian: apt-get install ardour)")
    recorded, ours, log, take = _both_record(block_frames, tmp_path)
    whole = recorded["Whole"]
    first_frame = found_at(whole.audio, ours[:, :2])
    assert first_frame >= 0
    for i, name in enumerate(list(TRACKS)[: 1 + PARTS]):
        track = recorded[name]
        assert track.start_frame == whole.start_frame
        assert len(track.audio) == len(whole.audio) > (PLAY_S - 0.5) * RATE_HZ
        assert np.abs(track.audio).max() > 0.01
        same = ours[first_frame : first_frame + len(track.audio), 2 * i : 2 * i + 2]
        assert np.array_equal(track.audio, same)
    midi = recorded["Notes"]
    assert midi.start_frame == whole.start_frame
    struck = [(frame, m) for frame, m in midi.messages if m.type == "note_on" and m.velocity > 0]
    played = sorted(
        (note.start_frame - first_frame, note.part, note.pitch, note.velocity)
        for note in log.notes
        if block_frames < note.start_frame - first_frame < len(whole.audio)
    )
    assert len(played) > 10
    assert abs(len(struck) - len(played)) <= PARTS  # a chord may lie at an edge
    late = []
    for frame, part, pitch, velocity in played[PARTS:-PARTS]:
        same = [
            at for at, m in struck if (m.channel, m.note, m.velocity) == (part, pitch, velocity)
        ]
        assert same, (frame, part, pitch)
        late.append(min((at - frame for at in same), key=abs))
    print(f"{len(late)} notes in Ardour {min(late):.0f} to {max(late):.0f} frames late")
    assert np.abs(late).max() <= block_frames
    taken, _ = soundfile.read(take / "master.wav", dtype="float32")
    assert found_at(taken, ours[:, :2], TWO_STEPS) >= 0


Recorded = tuple[dict[str, Recording], np.ndarray, NoteLog, Path]


def _both_record(block_frames: int, folder: Path) -> Recorded:
    """What Ardour recorded of a piece, what we gave out, our notes, and our take of it."""
    for attempt in range(SERVERS):
        with jack_server(block_frames, RATE_HZ) as server:
            try:
                return _record_on(server, folder / f"server{attempt}")
            except DidNotStartError as error:
                print(error)
    pytest.fail("Ardour started on none of the servers")


def _wait_for_frames(session: Session, seconds: float) -> None:
    """Wait until so much has been played: a busy machine's JACK server loses time."""
    last = session.engine.frame + int(seconds * RATE_HZ)
    until_s = time.monotonic() + 10 * seconds
    while session.engine.frame < last:
        assert time.monotonic() < until_s, "the server plays nothing"
        time.sleep(0.01)


def _record_on(server: JackServer, folder: Path) -> Recorded:
    folder.mkdir()
    heard: list[np.ndarray] = []
    log = NoteLog()
    settings = Settings(
        input_port="none",
        record=True,
        takes_folder=folder / "takes",
        soundfont=bundled_soundfont(),
        sync_source="jack",
    )
    device = JackDevice("ripieno-test")
    with Session(settings, lambda _: None, log.add, heard.append, device) as session:
        with ardour(server, folder, TRACKS) as daw:
            session.sync.start()
            time.sleep(0.3)
            session.inputs.play_file(read_midi(PIECE))
            _wait_for_frames(session, PLAY_S)
            session.sync.stop()
            time.sleep(0.3)
            recorded = daw.stop()
        assert session.engine.stats().underruns == 0
        take = Path(session.recorder_state()["folder"])
    return recorded, np.concatenate(heard), log, take
