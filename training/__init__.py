"""Where the shipped weights come from: one folder a system, plain scripts, run from the root."""
