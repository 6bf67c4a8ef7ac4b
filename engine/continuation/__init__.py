"""The ensemble plays on: what goes on outside the callback. engine/rt/floor.py is the other half."""
