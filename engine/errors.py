"""The one exception family: what went wrong, in one sentence a musician can act on.

Raised anywhere outside the audio callback; the command line prints the message to stderr.
"""


class RipienoError(Exception):
    """An error whose message names the file or device, the value and the legal range."""
