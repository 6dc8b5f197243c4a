"""MySQL in its containers: what each account can do, and the group through the death of its members."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
import pytest

from apps.login.tables import metadata as login_tables
from apps.reset_password.tables import metadata as reset_password_tables
from apps.signup.tables import metadata as signup_tables
from apps.storage.database import Database
from apps.storage.migrate import DatabaseName, migrate, schema_difference
from containers.docker.engine import PlatformOnDocker, RunningPart
from containers.docker.image_names import ROUTE
from containers.docker.images import RECIPES, connect_to_docker
from containers.docker.mysql import group_parts, route_part, server_part
from containers.docker.parts import ACCOUNTS, Part
from containers.polling import poll
from containers.ports import free_ports

pytestmark = pytest.mark.containers

PASSWORDS = {name: secrets.token_urlsafe(12) for name in ACCOUNTS}
GROUP = "7d1d6f4e-9a52-4f1e-8a46-3f1d1b2c9a10"
READY_SECONDS = 90.0

DENIED = {1044, 1142, 1227}  # no right on the schema, the table, the server


@dataclass
class Server:
    """One address of MySQL on this machine."""

    port: int
    schema: str

    @contextmanager
    def session(self, account: str) -> Iterator[Any]:
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=account,
            password=PASSWORDS[account],
            database=self.schema,
            autocommit=True,
            connect_timeout=3,
            read_timeout=5,
        )
        with closing(connection), connection.cursor() as cursor:
            yield cursor

    def run(self, account: str, *statements: str) -> list[tuple[Any, ...]]:
        """Returns the rows of the last of these statements."""
        with self.session(account) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def refusal(self, account: str, statement: str) -> int:
        """The number of the error that the statement ends with."""
        with pytest.raises(pymysql.MySQLError) as caught:
            self.run(account, statement)
        return int(caught.value.args[0])

    def migrated(self, account: str, name: DatabaseName, tables: Any) -> list[str]:
        """Migrates as the service does at its start; returns how the result differs from its tables."""
        password = PASSWORDS[account]

        async def run() -> list[str]:
            database = Database(f"mysql+aiomysql://{account}:{password}@127.0.0.1:{self.port}/{self.schema}")
            try:
                await migrate(database, name)
                return await schema_difference(database, tables)
            finally:
                await database.close()

        return asyncio.run(run())


@contextmanager
def running(*parts: Part) -> Iterator[dict[str, RunningPart]]:
    with closing(connect_to_docker()) as client:
        engine = PlatformOnDocker(client, f"test-{secrets.token_hex(4)}")
        try:
            engine.create_network()
            started = {part.name: engine.start(part) for part in parts}
            await_ready(started)
            yield started
        finally:
            engine.remove(with_volumes=True)


def await_ready(started: dict[str, RunningPart]) -> None:
    for name, part in started.items():
        until(lambda part=part: part.part.probe(part) is None, f"the start of {name}")


def until(is_so: Callable[[], bool], what: str) -> None:
    """Waits until `is_so`."""
    poll(lambda: is_so() or None, within_seconds=READY_SECONDS, what=what)


@pytest.fixture(scope="module")
def login() -> Iterator[Server]:
    (port,) = free_ports(1)
    with running(server_part("login_mysql", PASSWORDS, host_port=port)):
        server = Server(port, "login_db")
        assert server.migrated("login", "login", login_tables) == []
        yield server


@pytest.fixture(scope="module")
def group() -> Iterator[tuple[Server, dict[str, RunningPart]]]:
    (port,) = free_ports(1)
    with closing(connect_to_docker()) as client:
        client.images.build(path=str(RECIPES[ROUTE].folder), tag=ROUTE)
    with running(*group_parts(PASSWORDS, group_id=GROUP), route_part(host_port=port)) as parts:
        server = Server(port, "signup_db")
        assert server.migrated("signup", "signup", signup_tables) == []
        yield server, parts


@pytest.mark.parametrize(
    ("account", "statement"),
    [
        ("login", "CREATE DATABASE loginXdb"),
        ("login", "SELECT * FROM mysql.user"),
        ("login", "CREATE TABLE rpwd_db.users (id INT)"),
        ("login", "SET GLOBAL super_read_only = ON"),
        ("capture", "UPDATE users SET email = ''"),
        ("capture", "SELECT * FROM mysql.user"),
        ("capture", "RESET BINARY LOGS AND GTIDS"),
        ("sink", "SELECT * FROM sessions"),
        ("sink", "UPDATE suspended_users SET lifted_at = NULL"),
        ("sink", "ALTER TABLE users ADD COLUMN more INT"),
        ("sink", "DROP TABLE users"),
        ("sink", "CREATE TABLE more (id INT)"),
        ("observer", "DELETE FROM users"),
        ("observer", "SELECT * FROM mysql.user"),
    ],
)
def test_what_an_account_may_not_do(login: Server, account: str, statement: str) -> None:
    """The server refuses it for want of the right, not for another reason."""
    assert login.refusal(account, statement) in DENIED


def test_root_comes_in_through_the_socket_only(login: Server) -> None:
    """With the right password, over the network, it is told that it has no entry."""
    assert login.refusal("root", "SELECT 1") == 1045


def test_what_a_capture_does(login: Server) -> None:
    """It locks for a snapshot, reads the position and the rows, and frees the lock."""
    rows = login.run(
        "capture",
        "FLUSH TABLES WITH READ LOCK",
        "SHOW BINARY LOG STATUS",
        "SELECT * FROM users",
        "UNLOCK TABLES",
        "SELECT @@log_bin, @@binlog_format, @@binlog_row_image, @@gtid_mode, @@time_zone",
    )
    assert rows == [(1, "ROW", "FULL", "ON", "+00:00")]


def test_a_late_record_of_the_sink_makes_no_event(login: Server) -> None:
    """The statement is the JDBC sink's own: the newer row stays as it is, and nothing is sent on."""
    upsert = (
        "INSERT INTO `login_db`.`users` (`id`, `email`, `password`, `userRole`, `User_status`, `pw_version`) "
        "VALUES (7, 'ada@example.org', '{}', 'visitor', '{}', {}) AS new ON DUPLICATE KEY UPDATE "
        "`email`=new.`email`, `password`=new.`password`, `userRole`=new.`userRole`, "
        "`User_status`=new.`User_status`, `pw_version`=new.`pw_version`"
    )
    login.run("sink", upsert.format("new", "ACTIVE", 2))
    before = login.run("observer", "SELECT @@global.gtid_executed")
    login.run("sink", upsert.format("old", "ACTIVE", 1), upsert.format("older", "INACTIVE", 2))
    assert login.run("observer", "SELECT password, User_status, pw_version FROM users") == [
        ("new", "ACTIVE", 2)
    ]
    assert login.run("observer", "SELECT @@global.gtid_executed") == before
    login.run("sink", upsert.format("newest", "INACTIVE", 3))
    assert login.run("observer", "SELECT password FROM users") == [("newest",)]
    assert login.run("observer", "SELECT @@global.gtid_executed") != before


def test_reset_password_migrates_and_is_sunk_into() -> None:
    """Its server has its schema and rights as well."""
    (port,) = free_ports(1)
    with running(server_part("rpwd_mysql", PASSWORDS, host_port=port)):
        server = Server(port, "rpwd_db")
        assert server.migrated("reset_password", "reset_password", reset_password_tables) == []
        server.run("sink", "INSERT INTO users (id, email) VALUES (7, 'ada@example.org')")
        assert server.run("observer", "SELECT id, pw_version FROM users") == [(7, 1)]
        assert server.refusal("sink", "SELECT * FROM reset_links") in DENIED


def write(server: Server, event: str) -> bool:
    """Whether the write was acknowledged."""
    try:
        server.run("signup", f"INSERT INTO audit (happened_at, event) VALUES (NOW(6), '{event}')")
    except pymysql.MySQLError:
        return False
    return True


def events(server: Server) -> list[str]:
    return [row[0] for row in server.run("observer", "SELECT event FROM audit ORDER BY id")]


def primary(parts: dict[str, RunningPart]) -> str:
    """The name of the member that may be written to, as the first that answers says."""
    query = (
        "SELECT member_host FROM performance_schema.replication_group_members WHERE member_role = 'PRIMARY'"
    )
    for part in parts.values():
        code, output = part.run("mysql", "--defaults-file=/quartet/root.cnf", "-N", "-e", query)
        if code == 0 and output.strip():
            return output.strip()
    raise AssertionError("no member names a primary")


def test_a_dead_primary_is_replaced_and_comes_back(group: tuple[Server, dict[str, RunningPart]]) -> None:
    """Writes go on at the same address, none that was acknowledged is lost, the dead member catches up."""
    server, parts = group
    assert write(server, "BEFORE")
    dead = parts[primary(parts)]
    dead.kill()
    until(lambda: write(server, "WITHOUT"), "a write without the dead member")
    assert primary({name: part for name, part in parts.items() if part is not dead}) != dead.part.name
    dead.start()
    await_ready(parts)
    found = events(server)
    assert (found[0], found[-1]) == ("BEFORE", "WITHOUT")
    query = "SELECT event FROM signup_db.audit ORDER BY id DESC LIMIT 1"
    last = dead.run("mysql", "--defaults-file=/quartet/root.cnf", "-N", "-e", query)
    assert last == (0, "WITHOUT\n")


def test_a_route_that_has_just_started_leads_to_the_primary(
    group: tuple[Server, dict[str, RunningPart]],
) -> None:
    """From its first connection on: another member might show the past, and refuses to write."""
    server, parts = group
    seen: list[str] = []

    def reached() -> str | None:
        try:
            ((host, is_read_only),) = server.run("observer", "SELECT @@report_host, @@super_read_only")
        except pymysql.MySQLError:
            return None
        return f"{host} read-only" if is_read_only else str(host)

    def has_seen_enough() -> bool:
        seen.extend(filter(None, [reached()]))
        return len(seen) >= 50

    parts["signup_mysql"].kill()
    parts["signup_mysql"].start()
    until(has_seen_enough, "fifty connections")
    assert set(seen) == {primary(parts)}


def test_all_members_die_and_come_back(group: tuple[Server, dict[str, RunningPart]]) -> None:
    """Nobody has to do anything but to start them."""
    server, parts = group
    assert write(server, "LAST")
    members = [parts[name] for name in ("mysql1", "mysql2", "mysql3")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(RunningPart.kill, members))
        list(pool.map(RunningPart.start, members))
    until(lambda: write(server, "FIRST"), "a write to the new group")
    await_ready(parts)
    assert events(server)[-2:] == ["LAST", "FIRST"]


def test_rights_on_the_group(group: tuple[Server, dict[str, RunningPart]]) -> None:
    """Sign-up's schema is kept like the others, and no account of a member gets at the data."""
    server, _ = group
    server.run("sink", "INSERT INTO suspended_users (id, email) VALUES (1, 'ada@example.org')")
    for account, statement in (
        ("sink", "SELECT * FROM users"),
        ("signup", "SELECT * FROM mysql.user"),
        ("signup", "STOP GROUP_REPLICATION"),
    ):
        assert server.refusal(account, statement) in DENIED
    # Whoever has no right in a schema does not even get in.
    assert server.refusal("replication", "SELECT * FROM users") in DENIED
