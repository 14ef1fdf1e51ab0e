"""Which hosts are this machine."""

from __future__ import annotations

from localargo.loopback import is_loopback


def test_what_loopback_is() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"))
    assert not any(is_loopback(host) for host in ("localhost.example.com", "128.0.0.1", "", "0x7f.1"))
