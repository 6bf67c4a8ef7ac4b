"""The rig that plays, the set list it is in, and what was changed since.

The session owns one. A thread of its own switches rigs when a program change or a pedal asks for
it, has the neighbours of the present rig at hand before they are wanted, notices when the player
has stopped changing things, remembers that as a step to go back to, and writes it down.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import rigging
from engine.errors import RipienoError
from engine.preset_files import FORMAT, PresetError, read_table, write_text
from engine.rigs import KIND, Rig, RigError, list_rigs, load_rig, rig_of, save_rig
from engine.setlists import SetList, list_setlists, load_setlist
from engine.settings import DEFAULT_ENSEMBLE, Settings
from engine.toml_text import to_toml

SETTLED_S = 1.0  # changes that come closer together are one step
LOOK_S = 0.25
MOST_STEPS = 100
LAST_STATE, STATE_BEFORE = "last_state.toml", "state_before.toml"
HEADER = f"""\
# How Ripieno was left, for `ripieno play --resume`. It may be deleted. How it was left the time
# before is in {STATE_BEFORE}; rename that to {LAST_STATE} to resume it.
"""

log = logging.getLogger(__name__)


class Repertoire:
    """Rigs and set lists of one session. `session` is what `engine.rigging` sets up."""

    def __init__(
        self,
        session: Any,
        say: Callable[[str], None] = lambda sentence: None,
        changed: Callable[[], None] = lambda: None,
        state_file: Path | None = None,
    ) -> None:
        self._session = session
        self._say = say
        self._changed = changed
        self._state_file = state_file  # None: the last state is not written down
        self._lock = threading.RLock()  # of the rig that plays and of the steps
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._wanted: int | None = None  # place in the set list to go to
        self._setlist: SetList | None = None
        self._place = -1
        self._clean: Rig | None = None  # as the rig was when it was loaded or saved
        self._steps: list[Rig] = []
        self._step = -1
        self._touched_s = 0.0  # 0: nothing was changed since the last look
        self._prepare_due = False
        self._written = ""

    # ---- life --------------------------------------------------------------------------------

    def start(self, settings: Settings) -> None:
        """Set up what the session starts with, then look after it. RipienoError. [main]"""
        if settings.resume:
            self._resume()
        if settings.setlist:
            self.use_setlist(settings.setlist, play=not settings.rig)
        if settings.rig:
            self.play(settings.rig)
        if self._step < 0:  # nothing is written before there is something to lose
            self._clean = rigging.capture(self._session)
            self._remember(self._clean)
            self._touched_s = 0.0
        self._thread = threading.Thread(target=self._run, name="repertoire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write down how things were left. Idempotent. [main]"""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5.0)
            if self._touched_s:
                self._settle()

    # ---- what remotes ask --------------------------------------------------------------------

    @property
    def rig_id(self) -> str:
        """The rig that plays, "" for none. [any]"""
        return self._steps[self._step].id if self._steps else ""

    @property
    def setlist_id(self) -> str:
        """The set list that is played, "" for none. [any]"""
        return self._setlist.id if self._setlist else ""

    def play(self, name: str | Path) -> None:
        """Play with a rig from now on; sounding notes ring out. RipienoError. [worker]"""
        self._play(load_rig(name))

    def use_setlist(self, name: str | Path, play: bool = True) -> None:
        """Play a set list from its first rig; "" for none any more. RipienoError. [worker]"""
        setlist = load_setlist(name) if name else None
        with self._lock:
            self._setlist, self._place = setlist, -1
            if setlist is not None and play:
                self._go(0)
        self._changed()

    def go(self, place: int) -> None:
        """Soon play the rig at this place, from 0, of the set list. RigError without it. [any]"""
        setlist = self._setlist
        if setlist is None:
            raise RigError("no set list is being played: choose one first")
        if not 0 <= place < len(setlist.rigs):
            raise RigError(
                f"{setlist.name} has no rig {place + 1}: choose 1 to {len(setlist.rigs)}"
            )
        self._wanted = place
        self._wake.set()

    def step(self, by: int) -> None:
        """The next rig of the set list, or the one before; none beyond its ends. [any]"""
        here = self._place if self._wanted is None else self._wanted
        count = len(self._setlist.rigs) if self._setlist else 0
        self.go(min(max(here + by, 0), max(count - 1, 0)))

    def program_changed(self, number: int) -> None:
        """A program change of the player's, from 0: the rig at that place. [main]"""
        if self._setlist is not None:
            try:
                self.go(number)
            except RigError as error:
                self._say(f"Program change {number + 1}: {error}.")

    def save(self, name: str) -> Path:
        """Keep everything as it is now as a rig of the player's own; its file. [worker]"""
        from engine.paths import config_folder

        with self._lock:
            rig = dataclasses.replace(rigging.capture(self._session), name=name)
            path = save_rig(rig, config_folder() / KIND)
            rig = dataclasses.replace(rig, id=path.stem)
            self._remember(rig)
            self._clean = rig
        self._changed()
        return path

    def text(self) -> str:
        """Everything as it is now, as a rig file's text. [worker]"""
        return rigging.capture(self._session, self._now()).text()

    def undo(self) -> None:
        """Go back one step. RigError if there is none. [worker]"""
        self._travel(-1, "there is nothing to take back")

    def redo(self) -> None:
        """Go one step forth again. RigError if there is none. [worker]"""
        self._travel(1, "there is nothing to make again")

    def touched(self) -> None:
        """Something that belongs to a rig was changed. [any]"""
        self._touched_s = time.monotonic()

    def state(self) -> dict[str, Any]:
        """The rig, what can be undone, and the set list, ready for JSON. [any]"""
        rig, setlist = self._now(), self._setlist
        return {
            "id": rig.id if rig else "",
            "name": rig.name if rig else "",
            "unsaved": bool(self._touched_s) or _differs(rig, self._clean),
            "undo": max(self._step, 0),
            "redo": len(self._steps) - 1 - self._step,
            "setlist": {
                "id": setlist.id,
                "name": setlist.name,
                "rigs": [Path(name).stem for name in setlist.rigs],
                "place": self._place + 1,
            }
            if setlist
            else None,
        }

    def rigs(self) -> dict[str, Any]:
        """The rigs there are, and what is wrong with others, ready for JSON. [worker]"""
        rigs, complaints = list_rigs()
        keys = ("id", "name", "description", "tags", "ensemble")
        rows = [{key: getattr(rig, key) for key in keys} for rig in rigs]
        return {"rigs": rows, "complaints": complaints}

    def setlists(self) -> dict[str, Any]:
        """The same of set lists. [worker]"""
        setlists, complaints = list_setlists()
        return {"setlists": [dataclasses.asdict(s) for s in setlists], "complaints": complaints}

    # ---- its own thread ----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(LOOK_S)
            self._wake.clear()
            try:
                self._look()
            except RipienoError as error:
                self._say(f"{str(error)[0].upper()}{str(error)[1:]}.")
            except Exception:  # it goes on looking after the rest
                log.exception("the repertoire failed")

    def _look(self) -> None:
        place, self._wanted = self._wanted, None
        if place is not None:
            with self._lock:
                self._go(place)
        elif self._prepare_due:
            self._prepare_due = False
            self._prepare()
        elif self._touched_s and time.monotonic() - self._touched_s >= SETTLED_S:
            self._settle()

    def _go(self, place: int) -> None:
        setlist = self._setlist
        if setlist is not None and place < len(setlist.rigs):
            self._play(load_rig(setlist.rigs[place]), place)

    def _play(self, rig: Rig, place: int | None = None) -> None:
        with self._lock:
            rigging.set_up(self._session, rig)
            if place is not None:
                self._place = place
            self._begin_steps(rigging.capture(self._session, rig))
            self._prepare_due = self._setlist is not None
        self._say(f"Rig: {rig.name}.")
        self._changed()

    def _prepare(self) -> None:
        """Have the sounds of the rigs before and after the present one at hand."""
        setlist = self._setlist
        if setlist is not None:
            places = [p for p in (self._place + 1, self._place - 1) if 0 <= p < len(setlist.rigs)]
            rigging.prepare(self._session, [load_rig(setlist.rigs[place]) for place in places])

    def _settle(self) -> None:
        """The player has stopped changing things: a step to go back to, and a file."""
        with self._lock:
            self._touched_s = 0.0
            rig = rigging.capture(self._session, self._now())
            if _differs(rig, self._now()):
                self._remember(rig)
        self._write(rig)
        self._changed()

    def _resume(self) -> None:
        rig, table = read_last_state()
        if table.get("setlist"):
            self.use_setlist(table["setlist"], play=False)
            self._place = int(table.get("place", 0)) - 1
        self._play(rig)

    # ---- steps -------------------------------------------------------------------------------

    def _now(self) -> Rig | None:
        return self._steps[self._step] if self._steps else None

    def _begin_steps(self, rig: Rig) -> None:
        self._remember(rig)
        self._clean = rig
        self._touched_s = 0.0
        self._write(rig)

    def _remember(self, rig: Rig) -> None:
        self._steps = [*self._steps[: self._step + 1], rig][-MOST_STEPS:]
        self._step = len(self._steps) - 1

    def _travel(self, by: int, sentence: str) -> None:
        with self._lock:
            if self._touched_s:
                self._settle()
            if not 0 <= self._step + by < len(self._steps):
                raise RigError(sentence)
            rig = self._steps[self._step + by]
            rigging.set_up(self._session, rig)
            self._step += by
            self._touched_s = 0.0
            self._write(rig)
        self._changed()

    def _write(self, rig: Rig) -> None:
        if self._state_file is None:
            return
        table = {"format": FORMAT, "rig_id": rig.id, "setlist": self.setlist_id}
        rig_table = {key: value for key, value in rig.table().items() if key != "format"}
        text = HEADER + to_toml({**table, "place": self._place + 1, "rig": rig_table})
        if not self._written and self._state_file.exists():
            os.replace(self._state_file, self._state_file.with_name(STATE_BEFORE))
        if text != self._written:
            write_text(self._state_file, text)
            self._written = text


def last_state_file() -> Path:
    """Where the last state is written. [any]"""
    from engine.paths import state_folder

    return state_folder() / LAST_STATE


def read_last_state() -> tuple[Rig, dict[str, Any]]:
    """How things were left, and the whole table. RipienoError without it. [main]"""
    path = last_state_file()
    if not path.exists():
        raise PresetError("there is nothing to resume: nothing has been played yet")
    table = read_table(path)
    try:
        return rig_of(str(table.get("rig_id", "")), table.get("rig", {})), table
    except RipienoError as error:
        raise RigError(f"{path}: {error}") from error


def first_ensemble(settings: Settings) -> str | Path:
    """The ensemble a session begins with: what was asked for, or its first rig's. [main]"""
    if settings.resume:
        return read_last_state()[0].ensemble
    if settings.rig:
        return load_rig(settings.rig).ensemble
    if settings.setlist:
        return load_rig(load_setlist(settings.setlist).rigs[0]).ensemble
    return settings.ensemble or DEFAULT_ENSEMBLE


def _differs(one: Rig | None, other: Rig | None) -> bool:
    """Whether two rigs sound different; names do not count. [any]"""
    if one is None or other is None:
        return one is not other
    return dataclasses.replace(one, id="", name=other.name) != dataclasses.replace(other, id="")
