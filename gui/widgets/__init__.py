"""Widgets of our own: each is one file, painted, reachable by Tab, with an accessible name."""
