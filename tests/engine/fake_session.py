"""A stand-in for a session, for tests of what talks to one: it remembers what it was asked."""

from __future__ import annotations

from typing import Any

from engine.errors import RipienoError


class Recorder:
    """Remembers every call of a method it does not have, under a name."""

    def __init__(self, name: str, done: list[tuple]) -> None:
        self._name, self._done = name, done

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *values, **named: self._done.append(
            (f"{self._name}.{method}", *values, *named.values())
        )


class FakeSession:
    """Answers like a session of a quartet; `done` lists what it was told to do."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, int | None], float] = {}
        self.done: list[tuple] = []
        self.ensemble = "string_quartet"
        self.inputs = Recorder("inputs", self.done)
        self.learn = Recorder("learn", self.done)
        self.recordings = self
        self.content: dict[str, Any] = {}

    def version(self) -> str:
        return "1.2.3"

    def ensemble_ids(self) -> list[str]:
        return ["satb_choir", "string_quartet"]

    def ensemble_id(self) -> str:
        return self.ensemble

    def part_count(self) -> int:
        return 4

    def set_ensemble(self, name: str) -> None:
        if name not in self.ensemble_ids():
            raise RipienoError(f"no ensemble is called {name!r}")
        self.ensemble = name

    def set(self, name: str, value: float, part: int | None = None) -> None:
        self.values[name, part] = value
        self.done.append(("set", name, value, part))

    def get(self, name: str, part: int | None = None) -> float:
        return self.values.get((name, part), 0.0)

    def panic(self) -> None:
        self.done.append(("panic",))

    def reset_statistics(self) -> None:
        self.done.append(("reset",))

    def state(self) -> dict[str, Any]:
        return {"ensemble": self.ensemble, **self.content}

    def statistics(self) -> dict[str, Any]:
        return {"xruns": 0}

    def recorder_state(self) -> dict[str, Any]:
        return {"recording": False}

    def list(self) -> list[dict[str, Any]]:
        self.done.append(("list takes",))
        return []

    def play_file(self, path: str) -> None:
        self.done.append(("file", path))

    def quit(self) -> None:
        self.done.append(("quit",))
