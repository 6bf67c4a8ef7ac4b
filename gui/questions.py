"""Questions to the engine that wait for their answers. No Qt; used by `gui.bridge`. [main]

An answer comes by the question's own address, as /ripieno/done, or as /ripieno/error with a
sentence that names the address. One that does not come is asked again if asking does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Answered = Callable[..., None]  # the answer's values
Failed = Callable[[str], None]  # one sentence

TRIES = 3
TRY_S = 1.0
SLOW_S = 120.0  # scanning plugins, exporting a long take


@dataclass
class Question:
    """One question on its way."""

    path: str
    values: tuple[Any, ...]
    answered: Answered
    failed: Failed
    again: bool  # asking twice does no harm
    due_s: float
    tries: int = 1


class Questions:
    """All questions that wait; `send` sends one. [main]"""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._waiting: list[Question] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(
        self,
        now_s: float,
        path: str,
        values: tuple[Any, ...],
        answered: Answered,
        failed: Failed,
        again: bool,
    ) -> None:
        """Send a question; `answered` or `failed` is called once, later. [main]"""
        due_s = now_s + (TRY_S if again else SLOW_S)
        self._waiting.append(Question(path, values, answered, failed, again, due_s))
        self._send(path, *values)

    def take(self, path: str, values: tuple[Any, ...]) -> bool:
        """A message of the engine's; True if it answered a question. [main]"""
        if path == "/ripieno/error":
            return self._fail(str(values[0]))
        if path == "/ripieno/done":
            path, values = str(values[0]), values[1:]
        question = next((q for q in self._waiting if q.path == path), None)
        if question is None:
            return False
        self._waiting.remove(question)
        question.answered(*values)
        return True

    def tend(self, now_s: float) -> None:
        """Ask again what got no answer; give up in the end. [main]"""
        for question in [q for q in self._waiting if q.due_s <= now_s]:
            if question.again and question.tries < TRIES:
                question.tries += 1
                question.due_s = now_s + TRY_S
                self._send(question.path, *question.values)
            else:
                self._waiting.remove(question)
                question.failed("The engine did not answer.")

    def _fail(self, sentence: str) -> bool:
        question = next((q for q in self._waiting if sentence.startswith(q.path)), None)
        jobs = [q for q in self._waiting if not q.again]
        if question is None and len(jobs) == 1:
            question = jobs[0]  # errors of long jobs name the file, not the address
        if question is None:
            return False
        self._waiting.remove(question)
        question.failed(sentence)
        return True
