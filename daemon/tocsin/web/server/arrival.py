"""The time for which a request waited in the kernel, for example because the event loop was busy."""

import socket
import struct

from aiohttp import web

_LAST_DATA_AT = 8 + 11 * 4
"""Offset of ``tcpi_last_data_recv`` in Linux's ``struct tcp_info``: milliseconds since data last came from the peer."""
_INFO_SIZE = _LAST_DATA_AT + 4
_MILLISECOND = 1000


def waited(request: web.Request) -> int:
    """Return the time for which a request has waited, in microseconds; call this before reading the body.

    The result is the age of the connection's newest data; the request has waited for at least this long. The result is
    0 if the system does not provide the age, as for connections other than TCP.
    """
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    return age_of_data(connection) if connection is not None else 0


def age_of_data(connection: socket.socket) -> int:
    """Return the age of the newest data of a TCP connection, in microseconds; 0 if the system does not provide it."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
        milliseconds: int
        (milliseconds,) = struct.unpack_from("=I", info, _LAST_DATA_AT)
    except (OSError, struct.error):
        return 0
    return milliseconds * _MILLISECOND
