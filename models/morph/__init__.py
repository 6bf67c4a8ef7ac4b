"""Sound morphing: sounds of instruments as points of a space, and the spectrum they come from."""
