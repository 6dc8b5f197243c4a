"""Hosts and ports as settings name them, judged by their form alone: nothing is resolved or reached."""

import re
from ipaddress import AddressValueError, IPv6Address

LONGEST_NAME = 253  # RFC 1035 section 2.3.4, without the length bytes

# RFC 1123 labels, with the underscore of container networks, and the letters of all alphabets for IDNA.
_NAME = re.compile(r"(?!-)[\w-]{1,63}(?:\.(?!-)[\w-]{1,63})*\.?")
_PORT = re.compile(r"[0-9]{1,5}")


def is_host(text: str) -> bool:
    """Whether this is a name, an IPv4 address or an IPv6 address without brackets."""
    if ":" in text:
        return _is_ipv6(text)
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def is_port(number: int) -> bool:
    """Whether a server can be reached on a port of this number."""
    return 1 <= number <= 65535


def is_host_and_port(text: str) -> bool:
    """Whether this is `host:port`, an IPv6 address being in brackets."""
    host, _, port = text.rpartition(":")
    if not (_PORT.fullmatch(port) and is_port(int(port))):
        return False
    if host.startswith("[") and host.endswith("]"):
        return _is_ipv6(host[1:-1])
    return ":" not in host and is_host(host)


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
