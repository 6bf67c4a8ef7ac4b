"""Plugins in processes of their own: chains, the process that runs one, its manager, the scan.

`manager` lives in the engine's process, `host`, `processing` and `loading` in a process a chain;
`scan` looks at each plugin in a process of its own. Nothing here imports anything compiled.
"""
