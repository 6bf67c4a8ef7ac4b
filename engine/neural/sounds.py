"""`--sound neural:NAME`: every part of an ensemble plays a morph sound by the neural synth. [main]

Each part keeps the live voices' sound of that name as its own, so that it has one while the synth
is loading, late or gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.ensembles import Ensemble
from engine.errors import RipienoError
from engine.plugins.chain import NEURAL, SLOTS, ChainSpec, PluginSpec
from engine.plugins.manager import Plugins

LOADING_S = 120.0
SETTLED_FRAMES = 4096  # after which a chain is heard alone
NAMES = {number: name for name, number in SLOTS.items()}


def is_neural(sound: str | None) -> bool:
    """Whether `--sound` asks for the neural synth. [any]"""
    return sound is not None and sound.startswith(NEURAL)


def chains_of(ensemble: Ensemble) -> dict[str, ChainSpec]:
    """Slot name -> the chain that plays the part's morph sound by the neural synth. [any]"""
    return {
        NAMES[number]: ChainSpec((PluginSpec(NEURAL + part.morph),))
        for number, part in enumerate(ensemble.parts)
    }


@contextmanager
def played_offline(
    engine: Any, ensemble: Ensemble, sound: str | None, say: Callable[[str], None]
) -> Iterator[int]:
    """Have the parts of an engine without a device play so; yields how many frames late. [main]

    RipienoError if the synth cannot be loaded. What fails later is told by `say`, and the part goes
    on with its own sound. Nothing happens, and 0 is the lead, unless `sound` asks for it.
    """
    if not is_neural(sound):
        yield 0
        return
    plugins = Plugins(engine, say)
    try:
        for slot, chain in chains_of(ensemble).items():
            plugins.set_chain(slot, chain)
        _wait_until_loaded(plugins)
        engine.render(SETTLED_FRAMES)
        yield max(int(state["lead_frames"]) for state in plugins.state().values())
    finally:
        plugins.close()


def _wait_until_loaded(plugins: Plugins) -> None:
    until_s = time.monotonic() + LOADING_S
    while True:
        states = plugins.state()
        for slot, state in states.items():
            if state["state"] == "failed":
                raise RipienoError(f"{slot} cannot play by the neural synth: {state['message']}")
        if all(state["state"] == "running" for state in states.values()):
            return
        if time.monotonic() > until_s:
            raise RipienoError(f"the neural synth did not load within {LOADING_S:.0f} s")
        time.sleep(0.01)
