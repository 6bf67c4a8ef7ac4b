"""An independent Link peer for tests and benchmarks: a process of its own, asked over its stdin.

    python -m tests.link_peer TEMPO

answers "beat NS" with Link's beat at that time of the monotonic clock, and obeys "tempo BPM" and
"play 0|1". `in_own_network` makes a command run where Link hears nobody else.
"""

import json
import subprocess
import sys
import time
from typing import Any, Self

QUANTUM = 4.0
OLDER_S = 1.0  # when two sessions meet the older one's tempo holds; nearly the same age: any


def in_own_network(command: list[str]) -> list[str]:
    """The command in a network namespace that has a loopback alone, with multicast."""
    script = (
        "ip link set lo up && ip link set lo multicast on && "
        'ip route add 224.0.0.0/4 dev lo && exec "$@"'
    )
    return ["unshare", "--net", "--map-root-user", "sh", "-c", script, "sh", *command]


class Peer:
    """The process; ends with the block."""

    def __init__(self, tempo_bpm: float) -> None:
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", "tests.link_peer", str(tempo_bpm)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._process.stdout.readline()
        time.sleep(OLDER_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(5)

    def ask(self, ns: int | None = None) -> dict[str, float]:
        """Its beat at a time of the monotonic clock, its tempo."""
        return self._say(f"beat {time.monotonic_ns() if ns is None else ns}")

    def tempo(self, tempo_bpm: float) -> None:
        self._say(f"tempo {tempo_bpm}")

    def play(self, on: bool) -> None:
        self._say(f"play {int(on)}")

    def worst_ms(self, engine: Any, seconds: float) -> float:
        """How far an engine's beat and the peer's lie apart, at most, without a device."""
        return max(abs(ms) for ms in self.differences_ms(engine, seconds))

    def differences_ms(self, engine: Any, seconds: float, latency_frames: int = 0) -> list[float]:
        """How far they lie apart in the bar, again and again for so many seconds.

        The engine's beat at a frame, the peer's when that frame is heard.
        """
        from engine.frame_clock import FrameClock

        clock, found = FrameClock(engine), []
        start_s = time.monotonic()
        while time.monotonic() - start_s < seconds + 1.0:
            clock.look()
            time.sleep(0.01)
            if time.monotonic() - start_s < 1.0:
                continue  # the clock settles
            transport = engine.transport()
            theirs = self.ask(int(clock.ns_of(transport.frame + latency_frames)))
            apart = (transport.beat - theirs["beat"]) % QUANTUM
            apart -= QUANTUM if apart > QUANTUM / 2 else 0.0
            found.append(apart * 60000.0 / transport.tempo_bpm)
        return found

    def _say(self, line: str) -> dict[str, float]:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def main(tempo_bpm: float) -> None:
    import link

    peer = link.Link(tempo_bpm)
    peer.startStopSyncEnabled = True
    peer.enabled = True
    print("{}", flush=True)
    for line in sys.stdin:
        word, value = line.split()
        now_us = peer.clock().micros()
        offset_us = now_us - time.monotonic_ns() / 1000.0
        state = peer.captureAppSessionState()
        answer = {}
        if word == "beat":
            answer["beat"] = state.beatAtTime(int(int(value) / 1000.0 + offset_us), QUANTUM)
            answer["tempo_bpm"] = state.tempo()
            answer["peers"] = peer.numPeers()
        elif word == "tempo":
            state.setTempo(float(value), now_us)
            peer.commitAppSessionState(state)
        else:
            state.setIsPlaying(value == "1", now_us)
            peer.commitAppSessionState(state)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
