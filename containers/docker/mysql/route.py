"""HAProxy's configuration: one address that always leads to the group's primary.

The check speaks MySQL's client/server protocol: it logs in as `route_check`, asks the member for its state
with one query, and is content only with a primary that may be written to and belongs to a majority. The
packets are made here from the protocol's description (MySQL Internals, "Protocol::HandshakeResponse41",
"COM_QUERY"), because they hold the account's name and the query's length.
"""

from __future__ import annotations

from collections.abc import Sequence

from containers.docker.mysql.accounts import ROUTE_CHECK

PORT = 3306
READY_PORT = 8404
"""Answers HTTP 200 while the route leads somewhere, to the route's own container only."""

PLUGIN = "caching_sha2_password"

# Capabilities of the client: CLIENT_LONG_PASSWORD and the three that the check uses.
_CAPABILITIES = (
    0x00000001 | 0x00000200 | 0x00008000 | 0x00080000
)  # … PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
_MAX_PACKET = 0x00100000
_UTF8MB4 = 255  # utf8mb4_0900_ai_ci
_COM_QUERY = b"\x03"
_COM_QUIT = b"\x01"
_OK_AFTER_LOGIN = "0700000200"  # 7 bytes, sequence 2, OK

STATE_QUERY = (
    "SELECT CONCAT('rw=', @@super_read_only, '/', member_state, '/', member_role, '/maj=', "
    "(SELECT 2 * SUM(member_state IN ('ONLINE', 'RECOVERING')) > COUNT(*) "
    "FROM performance_schema.replication_group_members)) "
    "FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid"
)
PRIMARY = "rw=0/ONLINE/PRIMARY/maj=1"


def packet(sequence: int, payload: bytes) -> bytes:
    """A packet of the protocol: length in three bytes, little-endian, and the sequence number before it."""
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


def login_packet(user: str) -> bytes:
    """The HandshakeResponse41 of an account without a password, which needs no answer to the challenge."""
    return packet(
        1,
        _CAPABILITIES.to_bytes(4, "little")
        + _MAX_PACKET.to_bytes(4, "little")
        + bytes([_UTF8MB4])
        + bytes(23)
        + user.encode("ascii")
        + b"\0"
        + b"\0"  # length of the answer to the challenge
        + PLUGIN.encode("ascii")
        + b"\0",
    )


def query_packet(query: str) -> bytes:
    """The COM_QUERY that asks for `query`."""
    return packet(0, _COM_QUERY + query.encode("ascii"))


def haproxy_config(members: Sequence[str]) -> str:
    """The configuration for a group of `members`, given by their host names.

    The times: a member is asked twice a second, and once it fails no connection stays on it. Its address is
    looked up anew each second, because a container may come back with another one.
    """
    servers = "\n".join(f"    server {member} {member}:{PORT}" for member in members)
    return f"""\
global
    maxconn 500
    nbthread 1
    log stdout format raw local0 notice

defaults
    mode tcp
    log global
    timeout connect 1s
    timeout check 700ms
    # Pools keep idle connections, and change capture may be silent for long.
    timeout client 1h
    timeout server 1h
    option clitcpka
    option srvtcpka

resolvers docker
    parse-resolv-conf
    resolve_retries 2
    timeout resolve 1s
    timeout retry 500ms
    hold valid 1s
    hold obsolete 1s

listen primary
    bind :{PORT}
    # HAProxy takes a member for usable until its first check. There is one primary at most: while several
    # count as usable, some have not been asked yet.
    tcp-request connection reject if {{ nbsrv(primary) gt 1 }}
    option tcp-check
    tcp-check connect
    tcp-check expect string {PLUGIN}
    tcp-check send-binary {login_packet(ROUTE_CHECK).hex()}
    tcp-check expect binary {_OK_AFTER_LOGIN}
    # {STATE_QUERY}
    tcp-check send-binary {query_packet(STATE_QUERY).hex()}
    tcp-check expect string {PRIMARY}
    tcp-check send-binary {packet(0, _COM_QUIT).hex()}
    # There is one primary, and whoever asks tries again by itself: a retry here would only keep it waiting.
    retries 0
    default-server check inter 500ms fastinter 250ms downinter 500ms fall 1 rise 1
    default-server on-marked-down shutdown-sessions resolvers docker init-addr last,libc,none
{servers}

frontend ready
    mode http
    bind 127.0.0.1:{READY_PORT}
    timeout client 5s
    monitor-uri /
    monitor fail unless {{ nbsrv(primary) eq 1 }}
"""
