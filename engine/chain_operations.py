"""What the rows for plugins do to a session; see `engine.operations`. [any]"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engine.addresses import At
from engine.errors import RipienoError
from engine.osc import Values, as_json


def chain_text(session: Any, at: At) -> str:
    """A chain with its plugins' states as JSON, "" for none. [worker]"""
    spec = session.plugins.chain(at.slot)
    return json.dumps(spec.to_table()) if spec is not None else ""


def set_chain(session: Any, at: At, text: str) -> None:
    """Load the chain a remote described in JSON. RipienoError says what is wrong. [worker]"""
    from engine.plugins.chain import ChainSpec

    if text:
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            raise RipienoError(f"chain {text[:60]!r} is not JSON") from None
    session.plugins.set_chain(at.slot, ChainSpec.from_table(table) if text else None)
    session.changed("chains")


def add(session: Any, at: At, plugin: str) -> None:
    """Put a plugin behind the others of a chain. [worker]"""
    from engine.plugins.chain import ChainSpec, PluginSpec

    spec = session.plugins.chain(at.slot)
    before = spec.plugins if spec is not None else ()
    session.plugins.set_chain(at.slot, ChainSpec((*before, PluginSpec(plugin))))
    session.changed("chains")


def remove(session: Any, at: At) -> None:
    """Take a plugin out of a chain. [worker]"""
    from engine.plugins.chain import ChainSpec

    plugins = _plugins(session, at)
    del plugins[at.plugin]
    session.plugins.set_chain(at.slot, ChainSpec(tuple(plugins)) if plugins else None)
    session.changed("chains")


def move(session: Any, at: At, place: int) -> None:
    """Put a plugin at another place of its chain, from 1. [worker]"""
    from engine.plugins.chain import ChainSpec

    plugins = _plugins(session, at)
    plugins.insert(min(place, len(plugins)) - 1, plugins.pop(at.plugin))
    session.plugins.set_chain(at.slot, ChainSpec(tuple(plugins)))
    session.changed("chains")


def bypass(session: Any, at: At) -> int:
    """Whether a plugin is left out. [any]"""
    return int(_described(session, at)["bypass"])


def set_bypass(session: Any, at: At, on: int) -> None:
    """Leave a plugin out, or not. [any]"""
    session.plugins.bypass(at.slot, at.plugin, bool(on))
    session.changed("chains")


def parameter(session: Any, at: At) -> float:
    """Where a plugin's parameter stands, 0 to 1. [any]"""
    return session.plugins.value(at.slot, at.plugin, at.name)


def set_parameter(session: Any, at: At, value: float) -> None:
    """Set a plugin's parameter, 0 to 1. [any]"""
    session.plugins.set_parameter(at.slot, at.plugin, at.name, value)
    session.parameter_moved(at, value)


def found(session: Any, at: At) -> Values:
    """The plugins earlier scans found. [worker]"""
    from engine.plugins.scan import cached

    return as_json({"files": [asdict(entry) for entry in cached()]})


def scan(session: Any, at: At) -> Values:
    """Look for plugins in every folder of the system. [worker]"""
    from engine.plugins.scan import scan

    entries = scan(say=session.say)
    session.plugins.restore_missing()
    return as_json({"files": [asdict(entry) for entry in entries]})


def forget(session: Any, at: At, name: str) -> None:
    """Forget what is known of a plugin. [worker]"""
    from engine.plugins.scan import forget

    forget(name)
    session.plugins.restore_missing()  # one that was in quarantine may try again


def _plugins(session: Any, at: At) -> list[Any]:
    spec = session.plugins.chain(at.slot)
    count = len(spec.plugins) if spec is not None else 0
    if spec is None or at.plugin >= count:
        raise RipienoError(f"{at.slot} has {count} plugins, and no number {at.plugin + 1}")
    return list(spec.plugins)


def _described(session: Any, at: At) -> dict[str, Any]:
    plugins = session.plugins.state().get(at.slot, {}).get("plugins", [])
    if at.plugin >= len(plugins):
        raise RipienoError(f"{at.slot} has {len(plugins)} plugins, and no number {at.plugin + 1}")
    return plugins[at.plugin]


SETTINGS = {
    "/ripieno/chain/{slot}": (set_chain, chain_text),
    "/ripieno/chain/{slot}/{plugin}/bypass": (set_bypass, bypass),
    "/ripieno/chain/{slot}/{plugin}/parameter/{parameter}": (set_parameter, parameter),
}
ACTS = {
    "/ripieno/plugins": found,
    "/ripieno/plugins/scan": scan,
    "/ripieno/plugins/forget": forget,
    "/ripieno/chains": lambda session, at: as_json(session.plugins.state()),
    "/ripieno/chain/{slot}/add": add,
    "/ripieno/chain/{slot}/{plugin}/remove": remove,
    "/ripieno/chain/{slot}/{plugin}/move": move,
    "/ripieno/chain/{slot}/{plugin}/parameters": lambda session, at: as_json(
        {"parameters": session.plugins.parameters(at.slot, at.plugin)}
    ),
    "/ripieno/chain/{slot}/{plugin}/editor": lambda session, at: session.plugins.open_editor(
        at.slot, at.plugin
    ),
    "/ripieno/chain/{slot}/close_editor": lambda session, at: session.plugins.close_editor(at.slot),
}
