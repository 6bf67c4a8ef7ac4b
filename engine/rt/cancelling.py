"""A signal handler that lets its thread be cancelled; only Linux imports it.

It finds pthread_setcancelstate by symbol: unlike a callback, a handler is given no address.
"""

from numba import cfunc, types

PTHREAD_CANCEL_ENABLE = 0
_set_state = types.ExternalFunction("pthread_setcancelstate", types.int32(types.int32, types.intp))


@cfunc(types.void(types.int32), cache=True, error_model="numpy")
def handler(_signal):
    """Handle the signal: the thread's cancellation is on from now. [audio]"""
    _set_state(PTHREAD_CANCEL_ENABLE, 0)
