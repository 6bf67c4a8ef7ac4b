"""The continuation worker as the engine sees it: started, told, listened to, ended.

`python -m engine.continuation.worker PATH` maps the memory at PATH (`engine.continuation.memory`;
its legend is `engine.rt.plan_memory`) and talks in lines of JSON. It ends when its stdin ends.

Down, on stdin:

    {"do": "set", "mode": "takeover", "silence_beats": 2.0, "bars": 4, "length_bars": 0,
     "temperature": 1.0, "density": 0.0, "variation": 0.3, "memory_beats": 64, "seed": 0,
     "beats_per_bar": 4, "ensemble": "string_quartet", "priority": 38, "offline": false,
     "parts": [{"name": "Violin I", "program": 40, "bank": 0, "low": 55, "high": 103,
                "polyphony": 4, "continues": true}, ...]}

comes first, and again, whole, whenever something of it changed. `parts` in the order of their
numbers; records count them from 0. `priority`: of a realtime thread, below the audio's; 0: none may
be had. Modes: off, takeover, trade, accompany, vary. `offline`: plan only when asked, by

    {"do": "plan", "id": 7, "from": 32.0, "until": 64.0}

which makes the worker read all of HEARD, write BEGIN at `from`, every note before `until`, UNTIL,
and then answer {"id": 7, "notes": 118}; or {"id": 7, "error": "sentence"}.

Up, on stdout:

    {"state": "loading" | "ready", "message": "", "model": "mmt_small", "notes_per_s": 412.5}

first of all and whenever it changed;

    {"plan": [[part from 1, pitch, velocity, beat, duration_beats], ...], "until_beat": 64.0}

at most ten times a second, when the plan changed: what is ahead, for players to see; and

    {"say": "sentence"}

what a player should know. {"state": "failed", "message": "sentence"} before it ends: it cannot work
here (no model), and starting it again would not help.

Whoever calls never waits for the process: a thread of its own listens and says when it has ended.
"""
