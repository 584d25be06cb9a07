"""Addresses of the senders of requests, including those behind trusted proxies."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network

FORWARDED_FOR = "X-Forwarded-For"
IPV6_SITE = 64
"""Length of the IPv6 prefix of a site, in bits: usually one customer has all addresses with the same prefix."""
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.%]+)\](?::[0-9]*)?|([0-9.]+):[0-9]*")
MAX_SHOWN = 64
"""Maximum length of an invalid forwarded address in logs, in characters."""


def address_of(peername: object) -> str:
    """Return the address of a socket's peer; "" for a Unix socket."""
    if not isinstance(peername, tuple) or not peername:
        return ""
    address = _parsed(str(peername[0]))
    return str(peername[0]) if address is None else str(address)


def counted_as(address: str) -> str:
    """Return the key under which an address is counted: the address, or its site for IPv6."""
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(IPv6Network((int(parsed) >> (128 - IPV6_SITE) << (128 - IPV6_SITE), IPV6_SITE)))


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Return whether an address is in one of these networks."""
    parsed = _parsed(address) if networks else None
    return parsed is not None and any(parsed in network for network in networks)


def sender_of(request: web.Request, proxies: tuple[Network, ...]) -> str:
    """Return the address of a request's sender: the peer, or the client that a trusted proxy names in X-Forwarded-For.

    Only addresses that trusted proxies appended count: the result is the last address that is not a trusted proxy's.
    The sender can forge the addresses before that one.
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
    """Return whether a request came through an untrusted proxy, so that its senders cannot be distinguished."""
    return FORWARDED_FOR in request.headers and not is_within(_peer_of(request), proxies)


def _without_port(hop: str) -> str:
    """Return the address of a hop without the port, which some proxies append."""
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
