"""The time for which a request has waited in the kernel before this process took it: for a busy event loop, say."""

import socket
import struct

from aiohttp import web

_LAST_DATA_AT = 8 + 11 * 4
"""Offset of ``tcpi_last_data_recv`` in Linux's ``struct tcp_info``: milliseconds since the peer's last data came."""
_INFO_SIZE = _LAST_DATA_AT + 4
_MILLISECOND = 1000


def waited(request: web.Request) -> int:
    """Return for how many microseconds a request has waited; call it before the body is read.

    It is the age of the newest data of the connection, so a request has waited for at least this long. 0 if the
    system does not say, as for connections other than TCP.
    """
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    return age_of_data(connection) if connection is not None else 0


def age_of_data(connection: socket.socket) -> int:
    """Return how many microseconds ago the newest data of a TCP connection came; 0 if the system does not say."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
        milliseconds: int
        (milliseconds,) = struct.unpack_from("=I", info, _LAST_DATA_AT)
    except (OSError, struct.error):
        return 0
    return milliseconds * _MILLISECOND
