"""The window: a client of the engine's control channel, in a process of its own."""
