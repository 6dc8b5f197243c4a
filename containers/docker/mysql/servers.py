"""The containers of MySQL: three members of a group, its route, and the two single servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from containers.docker import image_names
from containers.docker.mysql import accounts, route
from containers.docker.parts import Inside, Part

MEMBERS = ("mysql1", "mysql2", "mysql3")
ROUTE = "signup_mysql"

_HERE = Path(__file__).parent
_INSIDE = "/quartet"
_ENTRYPOINT = ("sh", f"{_INSIDE}/entry.sh")
_DATA = "/var/lib/mysql"
_SOCKET = "/run/quartet/mysqld.sock"

# Not the customary 33061: it lies among the ports that Linux gives to whoever asks for none (32768 to 60999).
# An outgoing connection, or the resolver that Docker puts into each container, may hold it at a start.
_GROUP_PORT = 24901

# Two servers of one group, or a server and its capture, may not share an id; the connectors' are 184000 on.
_SERVER_IDS = {"mysql1": 1, "mysql2": 2, "mysql3": 3, "login_mysql": 11, "rpwd_mysql": 12}
_SCHEMAS = {"login_mysql": accounts.LOGIN, "rpwd_mysql": accounts.RESET_PASSWORD}

# A server that is told to stop writes its pages back; a member says good-bye to its group first.
_STOP_SECONDS = 20

_MEMBER_STATE = (
    "SELECT COALESCE(MAX(member_state), 'OFFLINE') FROM performance_schema.replication_group_members"
    " WHERE member_id = @@server_uuid"
)
_GROUP = (
    "SELECT member_host, member_role FROM performance_schema.replication_group_members"
    " WHERE member_state = 'ONLINE'"
)
_ASK_ROUTE = (
    f"exec 3<>/dev/tcp/127.0.0.1/{route.READY_PORT}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
)


def group_parts(passwords: Mapping[str, str], *, group_id: str) -> list[Part]:
    """The three members of sign-up's group, which find together by themselves.

    They have to be started side by side: none is ready before all three run.
    group_id: a UUID, the same at every start of one data folder.
    """
    return [_member(name, passwords, group_id) for name in MEMBERS]


def route_part(*, host_port: int) -> Part:
    """The route to the group's primary, where sign-up and its connectors find their database."""
    return Part(
        name=ROUTE,
        image=image_names.ROUTE,
        probe=_leads_somewhere,
        files={f"{_INSIDE}/haproxy.cfg": route.haproxy_config(MEMBERS)},
        ports={route.PORT: host_port},
        needs=MEMBERS,
        memory_mib=64,
    )


def server_part(
    name: Literal["login_mysql", "rpwd_mysql"], passwords: Mapping[str, str], *, host_port: int
) -> Part:
    """The single server of login or of reset-password."""
    return single_part(
        name,
        passwords,
        options=f"server-id={_SERVER_IDS[name]}\n",
        accounts_sql=accounts.server_accounts(_SCHEMAS[name], passwords),
        host_port=host_port,
        volumes={name: _DATA},
    )


def single_part(
    name: str,
    passwords: Mapping[str, str],
    *,
    options: str,
    accounts_sql: str,
    host_port: int,
    volumes: Mapping[str, str] | None = None,
) -> Part:
    """A server by itself.

    options: lines for its section of the option file, besides those of every server.
    accounts_sql: run once, when the data is made. Without volumes the data goes with the container.
    """
    return Part(
        name=name,
        image=image_names.MYSQL,
        probe=_accepts_sql,
        entrypoint=_ENTRYPOINT,
        files=_server_files(passwords)
        | {
            f"{_INSIDE}/my.cnf": f"{_text('server.cnf')}\n[mysqld]\n{options}",
            f"{_INSIDE}/accounts.sql": accounts_sql,
        },
        ports={3306: host_port},
        volumes=volumes or {},
        memory_mib=512,
        stop_seconds=_STOP_SECONDS,
    )


def group_seen_by(member: Inside) -> Mapping[str, str]:
    """The members of the group that serve, each with its role (PRIMARY or SECONDARY), as this one sees it."""
    answer = _ask(member, _GROUP) or ""
    return dict(line.split("\t") for line in answer.splitlines())


def _member(name: str, passwords: Mapping[str, str], group_id: str) -> Part:
    return Part(
        name=name,
        image=image_names.MYSQL,
        probe=_is_online,
        entrypoint=_ENTRYPOINT,
        files=_server_files(passwords)
        | {
            f"{_INSIDE}/my.cnf": _text("server.cnf")
            + "\n"
            + _text("group.cnf")
            + _member_options(name, group_id),
            f"{_INSIDE}/accounts.sql": accounts.group_accounts(accounts.SIGNUP, passwords),
            f"{_INSIDE}/group.sh": _text("group.sh"),
            f"{_INSIDE}/join.sql": accounts.join_statement(passwords),
            f"{_INSIDE}/peer.cnf": accounts.client_options("replication", passwords),
            f"{_INSIDE}/member": f"{name}\n",
            f"{_INSIDE}/members": " ".join(MEMBERS) + "\n",
        },
        volumes={name: _DATA},
        memory_mib=768,
        stop_seconds=_STOP_SECONDS,
    )


def _member_options(name: str, group_id: str) -> str:
    """Members are known by their names: an address may change whenever a container starts."""
    seeds = ",".join(f"{member}:{_GROUP_PORT}" for member in MEMBERS)
    return f"""
[mysqld]
server-id={_SERVER_IDS[name]}
report-host={name}
loose-group-replication-group-name={group_id}
loose-group-replication-local-address={name}:{_GROUP_PORT}
loose-group-replication-group-seeds={seeds}
"""


def _server_files(passwords: Mapping[str, str]) -> dict[str, str]:
    return {
        f"{_INSIDE}/entry.sh": _text("entry.sh"),
        f"{_INSIDE}/root.cnf": accounts.client_options("root", passwords, socket=_SOCKET),
    }


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _ask(inside: Inside, query: str) -> str | None:
    code, output = inside.run(
        "mysql", f"--defaults-file={_INSIDE}/root.cnf", "--skip-column-names", f"--execute={query}"
    )
    return output.strip() if code == 0 else None


def _accepts_sql(inside: Inside) -> str | None:
    return None if _ask(inside, "SELECT 1") == "1" else "the server does not accept SQL yet"


def _is_online(inside: Inside) -> str | None:
    state = _ask(inside, _MEMBER_STATE)
    if state is None:
        return "the server does not accept SQL yet"
    return None if state == "ONLINE" else f"the member is {state}, not ONLINE"


def _leads_somewhere(inside: Inside) -> str | None:
    code, output = inside.run("bash", "-c", _ASK_ROUTE)
    return None if code == 0 and " 200 " in output else "no member is a primary that can be written to"
