"""libjack by ctypes: the functions the device calls, their signatures, and opening a client.

Called on the main thread. The library's own messages are silenced by native code, so that no
thread of JACK's ever enters Python.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import sys
from typing import Any

from engine.connections import Link
from engine.errors import RipienoError

AUDIO_TYPE = b"32 bit float mono audio"
MIDI_TYPE = b"8 bit raw midi"
NO_START_SERVER, SERVER_NAME = 0x01, 0x04
SERVER_FAILED, VERSION_ERROR = 0x10, 0x400
IS_INPUT, IS_OUTPUT, IS_PHYSICAL, IS_TERMINAL = 0x1, 0x2, 0x4, 0x10
PLAYBACK_LATENCY = 1


def open_client(name: str, server: str | None = None) -> int:
    """A new client's pointer; the server may make its name unique, and is never started. [main]

    Raises RipienoError that says why not.
    """
    lib = load_libjack()
    status = ctypes.c_int(0)
    options = NO_START_SERVER | (SERVER_NAME if server else 0)
    extra = [ctypes.c_char_p(server.encode())] if server else []
    client = lib.jack_client_open(name.encode(), options, ctypes.byref(status), *extra)
    if not client:
        raise RipienoError(_why_not_opened(status.value, server))
    return client


def find_ports(lib: Any, client: int | None, kind: bytes | None, flags: int) -> list[str]:
    """Full names of the ports of `kind`, None for any, that have all of `flags`. [main]"""
    return _names(lib, lib.jack_get_ports(client, None, kind, flags))


class ServerGraph:
    """What is connected to one client, as `engine.connections` looks at it. [main]"""

    def __init__(self, lib: Any, client: int | None) -> None:
        self._lib, self._client = lib, client
        self._own = f"{lib.jack_get_client_name(client).decode()}:"

    def ports(self) -> set[str]:
        """The full names of all ports. [main]"""
        return set(find_ports(self._lib, self._client, None, 0))

    def identity(self, port: str) -> str:
        """What another port of the same name would not have. [main]"""
        lib, client = self._lib, self._client
        found = lib.jack_get_uuid_for_client_name(client, port.partition(":")[0].encode())
        program = ctypes.string_at(found).decode(errors="replace") if found else ""
        lib.jack_free(found)
        there = lib.jack_port_by_name(client, port.encode())
        return f"{program} {lib.jack_port_uuid(there) if there else 0}"

    def links(self) -> set[Link]:
        """Everything the client's ports are connected to. [main]"""
        lib, client = self._lib, self._client
        return {
            Link(name.removeprefix(self._own), peer)
            for name in self.ports()
            if name.startswith(self._own) and (port := lib.jack_port_by_name(client, name.encode()))
            for peer in _names(lib, lib.jack_port_get_all_connections(client, port))
        }

    def connect(self, link: Link) -> bool:
        """Connect, whichever of the two plays into the other; False if refused. [main]"""
        ours, peer = f"{self._own}{link.port}".encode(), link.peer.encode()
        connect = self._lib.jack_connect
        return connect(self._client, ours, peer) == 0 or connect(self._client, peer, ours) == 0


def _names(lib: Any, found: Any) -> list[str]:
    """A library's list of texts, given back to it."""
    if not found:
        return []
    names = []
    while (name := found[len(names)]) is not None:
        names.append(name.decode(errors="replace"))
    lib.jack_free(found)
    return names


@functools.cache
def load_libjack() -> Any:
    """The JACK library with its signatures, its messages silenced. [main]"""
    lib = _first_library()
    pointer, text, u32 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32
    signatures = {
        "jack_client_open": (pointer, text, ctypes.c_int, pointer),
        "jack_client_close": (ctypes.c_int, pointer),
        "jack_get_client_name": (text, pointer),
        "jack_activate": (ctypes.c_int, pointer),
        "jack_deactivate": (ctypes.c_int, pointer),
        "jack_get_sample_rate": (u32, pointer),
        "jack_get_buffer_size": (u32, pointer),
        "jack_set_process_callback": (ctypes.c_int, pointer, pointer, pointer),
        "jack_set_xrun_callback": (ctypes.c_int, pointer, pointer, pointer),
        "jack_on_shutdown": (None, pointer, pointer, pointer),
        "jack_port_register": (pointer, pointer, text, text, ctypes.c_ulong, ctypes.c_ulong),
        "jack_port_by_name": (pointer, pointer, text),
        "jack_port_name_size": (ctypes.c_int,),
        "jack_port_uuid": (ctypes.c_uint64, pointer),
        "jack_port_get_aliases": (ctypes.c_int, pointer, pointer),
        "jack_port_set_alias": (ctypes.c_int, pointer, text),
        "jack_port_unset_alias": (ctypes.c_int, pointer, text),
        "jack_port_get_latency_range": (None, pointer, ctypes.c_int, pointer),
        "jack_port_set_latency_range": (None, pointer, ctypes.c_int, pointer),
        "jack_port_connected": (ctypes.c_int, pointer),
        "jack_set_freewheel_callback": (ctypes.c_int, pointer, pointer, pointer),
        "jack_set_freewheel": (ctypes.c_int, pointer, ctypes.c_int),
        "jack_set_latency_callback": (ctypes.c_int, pointer, pointer, pointer),
        "jack_recompute_total_latencies": (ctypes.c_int, pointer),
        "jack_get_ports": (ctypes.POINTER(text), pointer, text, text, ctypes.c_ulong),
        "jack_port_get_all_connections": (ctypes.POINTER(text), pointer, pointer),
        "jack_get_uuid_for_client_name": (pointer, pointer, text),
        "jack_transport_start": (None, pointer),
        "jack_transport_stop": (None, pointer),
        "jack_transport_locate": (ctypes.c_int, pointer, u32),
        "jack_set_timebase_callback": (ctypes.c_int, pointer, ctypes.c_int, pointer, pointer),
        "jack_release_timebase": (ctypes.c_int, pointer),
        "jack_connect": (ctypes.c_int, pointer, text, text),
        "jack_disconnect": (ctypes.c_int, pointer, text, text),
        "jack_free": (None, pointer),
        "jack_set_error_function": (None, pointer),
        "jack_set_info_function": (None, pointer),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    # JACK's own complaints would come from any of its threads; a native function that takes a text
    # and changes nothing lets them fall silent without entering Python there.
    c_library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    lib.jack_set_error_function(address_of(c_library.strlen))
    lib.jack_set_info_function(address_of(c_library.strlen))
    return lib


def _first_library() -> Any:
    names = {
        "darwin": ["libjack.0.dylib", "/opt/homebrew/lib/libjack.dylib", "libjack.dylib"],
        "win32": ["libjack64.dll", "libjack.dll"],
    }.get(sys.platform, ["libjack.so.0", "libjack.so"])
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    elsewhere = ctypes.util.find_library("jack")
    if elsewhere:
        return ctypes.CDLL(elsewhere)
    raise RipienoError(
        "the JACK library is not installed: install JACK (Debian: apt-get install jackd2) "
        "or choose another output device"
    )


def _why_not_opened(status: int, server: str | None) -> str:
    called = f" called {server!r}" if server else ""
    if status & VERSION_ERROR:
        return f"the JACK server{called} speaks another version of the protocol than the library"
    if status & SERVER_FAILED or status == 0:
        return (
            f"no JACK server{called} is running: start one (for instance "
            "jackd -R -d alsa -r 48000 -p 128) or choose another output device"
        )
    return f"the JACK server{called} refused the client (status {status:#x})"


def address_of(function: Any) -> int:
    """The address of a library's function. [any]"""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
