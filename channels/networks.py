"""Whom a connection belongs to, for counting how much one customer takes."""

from __future__ import annotations

import ipaddress

LOOPBACK = "loopback"
"""This machine, or a proxy on it that stands for many."""


def network_of(host: str) -> str:
    """One IPv4 address, or the /64 that one IPv6 customer has.

    A peer without an address, as on a Unix socket, is this machine.
    """
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host or LOOPBACK
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback:
        return LOOPBACK
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
