"""What is a host, and what is a host with its port."""

import pytest

from apps.auth.hosts import is_host, is_host_and_port


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "mail.example.org",
        "mail.example.org.",
        "signup_mysql",
        "bücher.example",
        "10.0.0.7",
        "::1",
    ],
)
def test_names_and_addresses_are_hosts(text: str) -> None:
    """Underscores too: container networks give such names."""
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    ["", "a b", "http://x", "h:25", "[::1]", "u@h", "a..b", "-h", "x" * 64, "x." * 127, "h\n", "h/", "::g"],
)
def test_anything_with_more_in_it_is_no_host(text: str) -> None:
    """Schemes, ports, brackets and blanks stand elsewhere."""
    assert not is_host(text)


@pytest.mark.parametrize("text", ["h:9092", "10.0.0.7:1", "[::1]:65535"])
def test_a_host_with_its_port(text: str) -> None:
    """An IPv6 address is in brackets."""
    assert is_host_and_port(text)


@pytest.mark.parametrize(
    "text",
    ["h", "h:", ":9092", "h:0", "h:99999", "h:abc", "h:٣", "::1:9092", "[h]:9092", "http://h:9092", "::::"],
)
def test_a_host_without_a_usable_port_is_refused(text: str) -> None:
    """Ports are decimal, from 1 to 65535."""
    assert not is_host_and_port(text)
