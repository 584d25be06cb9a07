"""Who is at the other end of a connection, also behind a proxy that the configuration lists."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network

FORWARDED_FOR = "X-Forwarded-For"
IPV6_SITE = 64
"""Leading bits of an IPv6 address that name a site: one customer usually has all addresses below it."""
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.%]+)\](?::[0-9]*)?|([0-9.]+):[0-9]*")
MAX_SHOWN = 64
"""Characters of a forwarded address that is no address."""


def address_of(peername: object) -> str:
    """Return the address of a socket's peer; "" for a Unix socket's."""
    if not isinstance(peername, tuple) or not peername:
        return ""
    address = _parsed(str(peername[0]))
    return str(peername[0]) if address is None else str(address)


def counted_as(address: str) -> str:
    """Return what an address is counted by: itself, or its site where one peer has many addresses (IPv6)."""
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(IPv6Network((int(parsed) >> (128 - IPV6_SITE) << (128 - IPV6_SITE), IPV6_SITE)))


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Return whether an address is in one of these networks."""
    parsed = _parsed(address) if networks else None
    return parsed is not None and any(parsed in network for network in networks)


def sender_of(request: web.Request, proxies: tuple[Network, ...]) -> str:
    """Return the address of the sender of a request: of the peer, or what a listed proxy says in X-Forwarded-For.

    Only what listed proxies have appended counts: the last address that is not itself such a proxy. Anything before it
    is the sender's own claim.
    """
    address = _peer_of(request)
    if not proxies or not is_within(address, proxies):
        return address
    hops = ",".join(request.headers.getall(FORWARDED_FOR, [])).split(",")
    for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
        parsed = _parsed(_without_port(hop))
        if parsed is None:
            return hop[:MAX_SHOWN]
        if not any(parsed in network for network in proxies):
            return str(parsed)
    return address


def is_forwarded_by_unlisted(request: web.Request, proxies: tuple[Network, ...]) -> bool:
    """Return whether a request has come through a proxy that is not listed, whose senders cannot be told apart."""
    return FORWARDED_FOR in request.headers and not is_within(_peer_of(request), proxies)


def _without_port(hop: str) -> str:
    """Return the address of a hop: some proxies write the port of each connection after it."""
    match = _WITH_PORT.fullmatch(hop)
    return hop if match is None else match[1] or match[2]


def _peer_of(request: web.Request) -> str:
    transport = request.transport
    return address_of(transport.get_extra_info("peername") if transport is not None else None)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed
