"""The packets of HAProxy's check against the bytes of the protocol, and its configuration."""

import re

import pytest

from containers.docker.mysql import route

MEMBERS = ("mysql1", "mysql2", "mysql3")


def test_a_login_without_password_byte_for_byte() -> None:
    """As a login that a MySQL 9.7 server has answered with OK."""
    assert (
        route.login_packet("route_check").hex()
        == (
            "43000001"  # 67 bytes, the second packet of the connection
            "01820800"  # LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
            "00001000"  # at most 1 MiB in a packet
            "ff" + "00" * 23 + "726f7574655f636865636b00"  # utf8mb4  # route_check
            "00"  # no answer to the challenge
            "63616368696e675f736861325f70617373776f726400"  # caching_sha2_password
        )
    )


@pytest.mark.parametrize(
    ("query", "bytes_"),
    [("SELECT 1", "090000000353454c4543542031"), ("x" * 300, "2d01000003" + "78" * 300)],
)
def test_a_query_byte_for_byte(query: str, bytes_: str) -> None:
    """Its length in three bytes, the lowest first; a query begins anew with number 0."""
    assert route.query_packet(query).hex() == bytes_


def test_every_member_is_checked_for_being_the_primary() -> None:
    """By its name, looked up again and again, with the query that the check shows in clear."""
    config = route.haproxy_config(MEMBERS)
    assert re.findall(r"^    server (\S+) (\S+)$", config, re.MULTILINE) == [
        (member, f"{member}:3306") for member in MEMBERS
    ]
    assert f"send-binary {route.query_packet(route.STATE_QUERY).hex()}\n" in config
    assert f"    # {route.STATE_QUERY}\n" in config
    assert "tcp-check expect string rw=0/ONLINE/PRIMARY/maj=1\n" in config
    assert "resolvers docker init-addr last,libc,none\n" in config
    assert "on-marked-down shutdown-sessions" in config
    assert "tcp-request connection reject if { nbsrv(primary) gt 1 }\n" in config
    assert "monitor fail unless { nbsrv(primary) eq 1 }\n" in config
