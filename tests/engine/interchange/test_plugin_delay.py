"""What plugins are late by does not show in an export: sound stays with its notes."""

from pathlib import Path

import numpy as np
import soundfile

from engine.core import Engine
from engine.interchange.export import export_take
from engine.interchange.song import song_of_take
from engine.recorder import Recorder, RecorderSettings
from engine.recordings import stem_delays
from tests.engine.fake_host import Delay, FakeHost
from tests.engine.rig_helpers import ensemble_of, new_engine, note_off, note_on, sine_bank

RATE_HZ = 48_000
LEAD, LATENCY = 256, 100
SETTLED = 4096  # frames after which a chain is wet
NOTES = [(5000, note_on(72)), (9000, note_off(72)), (7000, note_on(50)), (12_000, note_off(50))]


def exported(engine: Engine, folder: Path) -> dict[str, np.ndarray]:
    """The stems of a take of NOTES."""
    settings = RecorderSettings(silence_seconds=0.2, reserve_bytes=0)
    recorder = Recorder(
        folder / "takes",
        ensemble_of(4),
        RATE_HZ,
        settings=settings,
        delays=lambda: stem_delays(engine),
    )
    first = engine.frame
    for frame, message in sorted(NOTES):
        engine.midi(message, first + frame)
    while engine.frame < first + 30_000:
        frame = engine.frame - first
        audio = engine.render(1000, 64, stems=True)
        results = engine.results()
        results["frame"] -= first
        recorder.events(results)
        recorder.audio(audio, frame)
    recorder.close()
    (take,) = (folder / "takes").iterdir()
    assert song_of_take(take).lead_frames == 0
    stems = export_take(take, ["stems"], folder / "out")
    return {path.name[:2]: soundfile.read(path, dtype="int32")[0] for path in stems.iterdir()}


def test_an_export_does_not_tell_of_the_delay_of_plugins(tmp_path: Path) -> None:
    plain, chained = new_engine(sine_bank(100)), new_engine(sine_bank(100))
    host = FakeHost(Delay(LATENCY))
    try:
        chained.attach_chain(0, host.memory, lead_frames=LEAD, latency_frames=LATENCY)
        for engine in (plain, chained):
            engine.render(SETTLED)
            engine.results()
        assert stem_delays(plain) == [0] * 17
        assert stem_delays(chained)[:5] == [LEAD + LATENCY] * 5
        before = exported(plain, tmp_path / "plain")
        after = exported(chained, tmp_path / "chained")
    finally:
        host.close()
        plain.close()
        chained.close()
    assert list(before) == list(after)
    assert np.abs(before["04"]).max() > 1 << 24
    length = len(before["04"]) - LEAD - LATENCY  # the recording ended so much sooner
    np.testing.assert_array_equal(after["04"][:length], before["04"][:length])
    upside_down = after["01"][:length].astype(np.int64) + before["01"][:length]
    assert np.abs(upside_down).max() <= 256  # the last bit of 24
