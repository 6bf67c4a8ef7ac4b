"""The plugins of a session: a chain of them in each slot, each chain in a process of its own.

Used by the session and its control. Nothing here waits for a plugin: loading goes on in the
background, and until it is done the slot plays as before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from engine import realtime
from engine.plugins.chain import SLOTS, ChainSpec, PluginError, slot_name
from engine.plugins.hosted import HostedChain
from engine.plugins.scan import resolve
from engine.plugins.standby import Standby

QUIET_PRIORITY = 20  # where the audio thread has no realtime priority of its own


class Plugins:
    """Chains by the name of their slot: "part 3", "send a", "send b", "master". [any]

    `say` gets each sentence for the player, on any thread.
    """

    def __init__(self, engine: Any, say: Callable[[str], None]) -> None:
        self._engine = engine
        self._say = say
        self._lock = threading.Lock()
        self._chains: dict[str, HostedChain] = {}
        self._standby = Standby(engine)
        self._retired: list[HostedChain] = []  # on their way out

    def set_chain(self, slot: str, spec: ChainSpec | None) -> None:
        """Put plugins into a slot, or take them out for None; never waits for them. [any]

        PluginError if a plugin is not known or in quarantine; nothing is changed then.
        """
        name = slot_name(slot)
        if spec is None:
            with self._lock:
                leaving = self._chains.pop(name, None)
            if leaving is not None:
                leaving.retire()
                self._retired.append(leaving)
            return
        spec = ChainSpec(tuple(resolve(plugin) for plugin in spec.plugins))
        ahead = self._standby.take(spec)
        with self._lock:
            if name not in self._chains:
                self._chains[name] = HostedChain(self._engine, name, self._say, _priority())
            self._chains[name].start(spec, ahead)

    def restore(self, slot: str, spec: ChainSpec) -> None:
        """`set_chain` for what was saved: a chain with a plugin that is not here is kept. [any]

        Its slot plays without it and says so once; `chain` gives it back as it came, states and
        all, and it is loaded when a scan or another `restore` finds its plugins.
        """
        name = slot_name(slot)
        try:
            self.set_chain(name, spec)
        except PluginError as error:
            with self._lock:
                present = self._chains.get(name)
            if present is not None and present.missing and present.spec() == spec:
                return
            self.set_chain(name, None)
            kept = HostedChain(self._engine, name, self._say, _priority())
            with self._lock:
                self._chains[name] = kept
            kept.keep(spec, str(error))

    def missing(self) -> list[str]:
        """Names of the slots whose chain is kept for want of a plugin. [any]"""
        with self._lock:
            return sorted(name for name, chain in self._chains.items() if chain.missing)

    def restore_missing(self) -> None:
        """Load the chains that were kept, as far as their plugins are here by now. [any]"""
        for name in self.missing():
            spec = self.chain(name)
            if spec is not None:
                self.restore(name, spec)

    def prepare(self, specs: Iterable[ChainSpec]) -> None:
        """Load chains that may be wanted soon, instead of those prepared before; no wait. [any]

        A `set_chain` of one of them is heard at once. One with a plugin that is not here is
        passed over: it is told when it is wanted.
        """
        wanted = []
        for spec in specs:
            try:
                wanted.append(ChainSpec(tuple(resolve(plugin) for plugin in spec.plugins)))
            except PluginError:
                continue
        self._standby.prepare(wanted, _priority())

    def chain(self, slot: str) -> ChainSpec | None:
        """What is in a slot, with the plugins' states, ready to be saved; None if empty. [main]"""
        name = slot_name(slot)
        with self._lock:
            chain = self._chains.get(name)
        return chain.spec() if chain is not None else None

    def slots(self) -> list[str]:
        """Names of the slots that hold a chain. [any]"""
        with self._lock:
            return sorted(self._chains, key=SLOTS.__getitem__)

    def state(self) -> dict[str, Any]:
        """Every chain by its slot, ready for JSON. [any]"""
        with self._lock:
            chains = dict(self._chains)
        return {name: chains[name].describe() for name in sorted(chains, key=SLOTS.__getitem__)}

    def parameters(self, slot: str, index: int) -> list[dict[str, Any]]:
        """What can be set in a plugin of a chain; empty while it is loading. [any]"""
        return self._find(slot).parameters(index)

    def value(self, slot: str, index: int, name: str) -> float:
        """Where a parameter of the chain's plugin number `index` stands, 0 to 1. [any]"""
        return self._find(slot).value(index, name)

    def set_parameter(self, slot: str, index: int, name: str, value01: float) -> None:
        """Set a parameter of the chain's plugin number `index`, from 0. [any]"""
        self._find(slot).set_parameter(index, name, value01)

    def bypass(self, slot: str, index: int, on: bool) -> None:
        """Hear one plugin of a chain or not. [any]"""
        self._find(slot).bypass(index, on)

    def open_editor(self, slot: str, index: int) -> None:
        """Let a plugin show its own window, in its own process. [any]"""
        self._find(slot).open_editor(index)

    def close_editor(self, slot: str) -> None:
        """Close the window a chain shows, if any. [any]"""
        self._find(slot).close_editor()

    def tend(self) -> None:
        """Watch over all chains; the session calls it twice a second. [main]"""
        with self._lock:
            self._retired = [chain for chain in self._retired if not chain.gone]
            chains = [*self._chains.values(), *self._retired]
        if chains:
            priority = _priority()
            for chain in chains:
                chain.tend(priority)

    def close(self) -> None:
        """Take every chain out of the sound and end its process. Idempotent. [main]"""
        self._standby.close()
        with self._lock:
            chains = [*self._chains.values(), *self._retired]
            self._chains, self._retired = {}, []
        for chain in chains:
            chain.close()

    def _find(self, slot: str) -> HostedChain:
        name = slot_name(slot)
        with self._lock:
            if name not in self._chains:
                raise PluginError(f"there are no plugins on {name}")
            return self._chains[name]


def _priority() -> int:
    """The realtime priority of a host's audio thread: just below our own. [any]"""
    audio = realtime.audio_priority()
    return max(audio - 1, 1) if audio else QUIET_PRIORITY
