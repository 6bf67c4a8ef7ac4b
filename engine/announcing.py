"""What changes by itself is told to remotes: takes, hosts of plugins, leaders of the clock, ports.

Nobody sets these, so nobody says that they changed. The session looks: at the recorder with each
round of its pump, at the rest twice a second, and only while a remote has subscribed. [main]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.session import Session

CONFIDENCE_STEPS = 20  # of how sure a followed beat is, that are told


def of_recorder(session: Session) -> Any:
    """Whether a take runs, which, what was kept, what became whole; not how long it is. [main]"""
    state = session.recorder_state() | {"seconds": session.recordings.finished}
    return tuple(state.values())


def of_chains(session: Session) -> Any:
    """Every chain as it is described, its load in whole percent. [main]"""
    chains = session.plugins.state()
    return {
        slot: chain | {"load_percent": round(chain.get("load_percent", 0.0))}
        for slot, chain in chains.items()
    }


def of_transport(session: Session) -> Any:
    """Who leads, whether it is there, who else is, where MIDI goes. [main]"""
    state = session.sync.state()
    keys = ("source", "locked", "link_peers", "midi_out_port")
    sure = round(state["follow"]["confidence"] * CONFIDENCE_STEPS)
    return (*(state[key] for key in keys), sure)


def of_device(session: Session) -> Any:
    """What sounds, and where notes come from. [main]"""
    device = session.device
    return device.description, bool(device.alive), tuple(session.input_names())


def of_latency(session: Session) -> Any:
    """Every path's sum. [main]"""
    rows = session.engine.latencies(session.device.latency_frames)
    return tuple((row.path, row.total_frames) for row in rows)


AT_ONCE: dict[str, Callable[[Session], Any]] = {"recorder": of_recorder}
NOW_AND_THEN: dict[str, Callable[[Session], Any]] = {
    "chains": of_chains,
    "transport": of_transport,
    "device": of_device,
    "latency": of_latency,
}


class Announcer:
    """Remembers what was last seen of each section, and tells when it is another. [main]"""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[str, Any] = {}

    def look(self, sections: dict[str, Callable[[Session], Any]]) -> None:
        """Look at AT_ONCE or NOW_AND_THEN; tell remotes of what is new. [main]"""
        control = self._session.control
        if control is None or not (control.subscribers("changes") or control.subscribers("state")):
            self._seen.clear()  # who comes next is told of all once: it may have asked just before
            return
        for section, look_at in sections.items():
            now = look_at(self._session)
            if self._seen.get(section) != now:
                self._seen[section] = now
                self._session.section_moved(section)
