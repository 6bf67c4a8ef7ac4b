"""From a rig to a session and back: setting everything up, and writing down how it is. [worker]

What a rig does not mention stays as it is, or as its ensemble has it; but the ensemble plays on by
itself only where a rig says so, or the program was begun with that wish: nobody wants it to chime
in because of the rig before. Everything the callback does is switched at one frame; notes that
sound end where they began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.addresses import CHOICES
from engine.ensembles import PART_RULES, Ensemble, load_ensemble
from engine.errors import RipienoError
from engine.pads import COURSE
from engine.parameters import (
    CONTINUATION_MODES,
    GLOBAL_PARAMETERS,
    PAD_PARAMETERS,
    PART_PARAMETERS,
)
from engine.rigs import CONTINUATION, NOT_OF_PARTS, Rig, continuation_rules, setting_rules

UNNAMED = "Unnamed"
COSTLY = ("sync_source", "midi_out_mode")


def set_up(session: Any, rig: Rig) -> None:
    """Have a session play with a rig. RipienoError, and nothing changed, if it cannot. [worker]"""
    ensemble = rig.players()
    session.use_ensemble(ensemble, load_ensemble(rig.ensemble), rig.ensemble)
    for index, part in enumerate(ensemble.parts):
        values = rig.parts.get(part.name, {})
        for key, value in values.items():
            if key in PART_PARAMETERS:
                session.set(key, _as_number(key, value), index)
        if table := {key: value for key, value in values.items() if key in COURSE}:
            session.pads.set_course(index, table)
    usual = {"mode": session.settings.continuation or CONTINUATION_MODES[0]}
    plays_on = {CONTINUATION + k: v for k, v in {**usual, **rig.continuation}.items()}
    settings = {**rig.settings, **plays_on}
    for name, value in settings.items():
        number = _as_number(name, value)
        if name in COSTLY and number == session.get(name):
            continue  # not to be begun anew
        try:
            session.set(name, number)
        except RipienoError as error:  # no JACK, no Link here: the rest is worth having
            session.say(f"{rig.name}: {name}: {error}.")
    if rig.learned is not None:
        session.learn.replace(rig.learned)
    _set_up_chains(session, rig)


def capture(session: Any, like: Rig | None = None) -> Rig:
    """How a session is set up now, as a rig named like another. [worker]"""
    ensemble, base = session.ensemble, session.own_ensemble
    return Rig(
        id=like.id if like else "",
        name=like.name if like else UNNAMED,
        description=like.description if like else "",
        tags=like.tags if like else (),
        ensemble=str(session.ensemble_source),
        settings={name: _setting(session, name) for name in setting_rules()},
        continuation={key: _setting(session, CONTINUATION + key) for key in continuation_rules()},
        parts=_changed_parts(session, ensemble, base),
        chains=_chains(session),
        learned=session.learn.bindings,
    )


def prepare(session: Any, rigs: Sequence[Rig]) -> None:
    """Have the sounds of rigs at hand, so that a switch to one of them finds them. [worker]"""
    from engine.plugins.chain import ChainSpec

    session.preload([rig.players() for rig in rigs])
    playing = _chains(session)
    ahead: list[ChainSpec] = []
    for rig in rigs:
        others = [chain for slot, chain in rig.chains.items() if chain != playing.get(slot)]
        ahead += [ChainSpec.from_table(chain) for chain in others]
    session.plugins.prepare(ahead)


def _setting(session: Any, name: str) -> float | str:
    value = session.get(name)
    if name in CHOICES:
        return CHOICES[name][int(value)]
    return int(value) if GLOBAL_PARAMETERS[name].whole else value


def _changed_parts(session: Any, ensemble: Ensemble, base: Ensemble) -> dict[str, dict[str, Any]]:
    """What differs from the ensemble's own file, by the part's name."""
    changed = {}
    for index, (part, own) in enumerate(zip(ensemble.parts, base.parts, strict=True)):
        values: dict[str, Any] = {}
        for key in PART_RULES:
            if key not in NOT_OF_PARTS and key not in PART_PARAMETERS:
                values |= _if_other(key, getattr(part, key), getattr(own, key))
        of_sound = session.pads.usual(index)
        for key, parameter in PART_PARAMETERS.items():
            if key in PAD_PARAMETERS and not of_sound:
                continue  # it plays no morph sound
            value = session.get(key, index)
            usual = getattr(own, key) if key in PART_RULES else parameter.initial
            if value != of_sound.get(key, usual):
                values[key] = _as_word(key, int(value) if parameter.whole else value)
        values |= session.pads.course(index)
        if values:
            changed[part.name] = values
    return changed


def _as_number(name: str, value: Any) -> float:
    choices = CHOICES.get(name)
    return choices.index(str(value)) if choices else float(value)


def _as_word(name: str, value: float) -> float | str:
    return CHOICES[name][int(value)] if name in CHOICES else value


def _if_other(key: str, value: Any, usual: Any) -> dict[str, Any]:
    return {key: value} if value != usual else {}


def _chains(session: Any) -> dict[str, dict[str, Any]]:
    plugins = session.plugins
    specs = {slot: plugins.chain(slot) for slot in plugins.slots()}
    return {slot: spec.to_table() for slot, spec in specs.items() if spec is not None}


def _set_up_chains(session: Any, rig: Rig) -> None:
    """Load what differs; what is as the rig wants it plays on, what cannot be had is kept."""
    from engine.plugins.chain import ChainSpec, slot_name

    plugins = session.plugins
    present, missing = _chains(session), plugins.missing()
    chains = {slot_name(slot): chain for slot, chain in rig.chains.items()}
    for slot in present.keys() | chains.keys():
        wanted = chains.get(slot)
        if wanted == present.get(slot) and slot not in missing:
            continue
        if wanted:
            plugins.restore(slot, ChainSpec.from_table(wanted))
        else:
            plugins.set_chain(slot, None)
