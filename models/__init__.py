"""Weights that ship, and how they are found: a registry, a loader, a card beside each file."""
