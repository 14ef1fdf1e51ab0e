"""Which host names mean this machine. Requests stay on it, in both directions, unless another host was allowed by name."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether the host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
