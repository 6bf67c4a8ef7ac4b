"""The commands of the command line, one file each.

A command has a docstring (its description), SUMMARY, EXAMPLES, `add_arguments(parser)` and
`run(arguments) -> exit code`. Only `run` may import what is slow to import.
"""
