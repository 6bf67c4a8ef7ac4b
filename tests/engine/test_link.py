"""Ableton Link in a network of its own: peers agree on tempo, beat and start; nothing leaks.

Link speaks to every network the machine has. Each test runs this file as a program in a network
namespace with nothing but a loopback; the other peer is another process there.
"""

import json
import subprocess
import sys
import time

import pytest

from tests.link_peer import in_own_network

pytestmark = pytest.mark.slow


def scene(name: str) -> dict:
    """What a scene below found out."""
    done = subprocess.run(
        in_own_network([sys.executable, "-m", "tests.engine.test_link", name]),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_peers_agree_on_tempo_and_beat_to_a_millisecond() -> None:
    found = scene("agree")
    assert found["peers"] == 1
    assert found["tempo_bpm"] == pytest.approx(97.0, abs=1e-3)
    assert found["source"] == "link"
    assert found["locked"]
    assert found["worst_ms"] < 1.0, found
    assert found["faster_bpm"] == pytest.approx(141.0, abs=1e-3)  # their change
    assert found["ours_at_theirs_bpm"] == pytest.approx(88.0, abs=1e-3)  # ours
    assert found["worst_after_ms"] < 1.0, found


def test_alone_the_beat_goes_on_and_start_and_stop_are_shared() -> None:
    found = scene("alone")
    assert found["beat_moved"] == pytest.approx(found["expected"], abs=0.02)
    assert found["stopped"]
    assert found["started_by_peer"]
    assert found["left"] == "internal"


def main(name: str) -> None:
    from engine.silence import SilentDevice
    from engine.sync import Sync
    from tests.engine.rig_helpers import new_engine
    from tests.link_peer import Peer

    engine = new_engine(fluid=False)
    device = SilentDevice(48000, 128)
    device.start(engine)
    sync = Sync(engine, lambda: device)
    try:
        scenes = {"agree": agree, "alone": alone}
        print(json.dumps(scenes[name](engine, sync, Peer)))
    finally:
        sync.close()
        device.close()
        engine.close()


def agree(engine, sync, new_peer) -> dict:
    with new_peer(97.0) as peer:
        sync.set("rolling", 1)
        time.sleep(0.2)
        peer.play(True)
        sync.set_source("link")
        wait(lambda: sync.state()["link_peers"] == 1 and sync.state()["rolling"])
        wait(lambda: abs(engine.transport().tempo_bpm - 97.0) < 1e-3)
        time.sleep(2.0)
        found = {
            "peers": sync.state()["link_peers"],
            "tempo_bpm": engine.transport().tempo_bpm,
            "worst_ms": undisturbed_worst_ms(peer, engine),
            **{key: sync.state()[key] for key in ("source", "locked")},
        }
        peer.tempo(141.0)
        wait(lambda: abs(engine.transport().tempo_bpm - 141.0) < 1e-3)
        found["faster_bpm"] = engine.transport().tempo_bpm
        sync.set("tempo_bpm", 88.0)
        wait(lambda: abs(peer.ask()["tempo_bpm"] - 88.0) < 1e-3)
        time.sleep(1.0)
        found["ours_at_theirs_bpm"] = peer.ask()["tempo_bpm"]
        found["worst_after_ms"] = undisturbed_worst_ms(peer, engine)
    return found


def undisturbed_worst_ms(peer, engine) -> float:
    """The worst in a second in which the machine kept time: the best of a few."""
    found = [float("inf")]
    while min(found) >= 1.0 and len(found) <= 8:
        found.append(peer.worst_ms(engine, 1.0))
    return min(found)


def alone(engine, sync, new_peer) -> dict:
    sync.set("tempo_bpm", 120)
    sync.set("rolling", 1)
    time.sleep(0.5)
    before = engine.transport()
    sync.set_source("link")
    time.sleep(0.7)
    after = engine.transport()
    found = {"beat_moved": after.beat, "expected": before.beat_at(after.frame)}
    with new_peer(120.0) as peer:
        wait(lambda: sync.state()["link_peers"] == 1)
        sync.stop()
        found["stopped"] = wait(lambda: not engine.transport().rolling)
        peer.play(True)
        found["started_by_peer"] = wait(lambda: engine.transport().rolling)
    sync.set_source("internal")
    wait(lambda: engine.transport().source == "internal")
    found["left"] = engine.transport().source
    return found


def wait(true, timeout_s: float = 20.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return bool(true())


if __name__ == "__main__":
    main(sys.argv[1])
