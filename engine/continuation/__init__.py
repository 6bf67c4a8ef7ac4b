"""The ensemble plays on: what goes on outside the callback. See engine/rt/floor.py."""
