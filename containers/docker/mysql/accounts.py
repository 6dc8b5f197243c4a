"""The accounts of the MySQL servers: what each may do, and nothing else.

| account        | on              | may                                                                   |
|----------------|-----------------|-----------------------------------------------------------------------|
| root           | every server    | everything, through the socket in the container only                  |
| the service    | its own server  | everything inside its own schema: it migrates and uses it             |
| capture        | every server    | read the captured schema, follow the binary log, take a snapshot      |
| sink           | every server    | read and write the one table that the sink fills                      |
| observer       | every server    | read the schema                                                       |
| replication    | the group       | send its binary log to a member that joins, tell its state            |
| route_check    | the group       | tell its state; it has no password, because HAProxy logs in with it   |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

ROUTE_CHECK = "route_check"

# What the migrations do (tables, indexes, triggers) and what the stores do.
_OWNER = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER"
# Debezium's list (documentation of its MySQL connector, "Creating a user") names RELOAD, which would also
# let it delete the binary logs, and SHOW DATABASES, which it does not need to see the one schema it may read.
# FLUSH_TABLES is the part of RELOAD that `snapshot.locking.mode=minimal` takes.
_CAPTURE = "FLUSH_TABLES, REPLICATION SLAVE, REPLICATION CLIENT"

_STATE_TABLES = ("replication_group_members", "replication_connection_status")


@dataclass(frozen=True)
class Schema:
    """What one server holds: a schema, the service that owns it, and the table that a sink fills there."""

    name: str
    service: str
    sunk_table: str


SIGNUP = Schema("signup_db", "signup", "suspended_users")
LOGIN = Schema("login_db", "login", "users")
RESET_PASSWORD = Schema("rpwd_db", "reset_password", "users")


def server_accounts(schema: Schema, passwords: Mapping[str, str]) -> str:
    """SQL that makes `schema` and the accounts of a single server, for a data folder that has only root."""
    everything = f"{_pattern(schema.name)}.*"
    sunk = f"`{schema.name}`.`{schema.sunk_table}`"
    return _statements(
        f"CREATE DATABASE `{schema.name}` CHARACTER SET utf8mb4",
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{_password(passwords, 'root')}'",
        _user(schema.service, passwords),
        f"GRANT {_OWNER} ON {everything} TO '{schema.service}'@'%'",
        _user("capture", passwords),
        f"GRANT {_CAPTURE} ON *.* TO 'capture'@'%'",
        f"GRANT SELECT ON {everything} TO 'capture'@'%'",
        _user("sink", passwords),
        # The service makes the table later. Only with CREATE among them are rights on a table that is not
        # there yet accepted.
        f"GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON {sunk} TO 'sink'@'%'",
        f"REVOKE CREATE ON {sunk} FROM 'sink'@'%'",
        _user("observer", passwords),
        f"GRANT SELECT ON {everything} TO 'observer'@'%'",
    )


def group_accounts(schema: Schema, passwords: Mapping[str, str]) -> str:
    """The same for a member of the group: made on each member by itself, so that all begin alike."""
    state = (f"GRANT SELECT ON performance_schema.{table} TO 'replication'@'%'" for table in _STATE_TABLES)
    return server_accounts(schema, passwords) + _statements(
        _user("replication", passwords),
        "GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%'",
        *state,
        f"CREATE USER '{ROUTE_CHECK}'@'%' IDENTIFIED BY ''",
        f"GRANT SELECT ON performance_schema.{_STATE_TABLES[0]} TO '{ROUTE_CHECK}'@'%'",
    )


def suite_accounts(account: str, passwords: Mapping[str, str]) -> str:
    """SQL for a server that tests use: `account` may do anything with the databases named `q_…`."""
    return _statements(
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{_password(passwords, 'root')}'",
        _user(account, passwords),
        f"GRANT ALL ON {_pattern('q_')[:-1]}%`.* TO '{account}'@'%'",
    )


def join_statement(passwords: Mapping[str, str]) -> str:
    """SQL with which a member joins its group; the password is kept in memory only."""
    password = _password(passwords, "replication")
    return _statements(f"START GROUP_REPLICATION USER = 'replication', PASSWORD = '{password}'")


def client_options(account: str, passwords: Mapping[str, str], *, socket: str | None = None) -> str:
    """An option file for MySQL's clients, which keeps the password off their command line."""
    place = f"socket={socket}\n" if socket else ""
    return f"[client]\nuser={account}\npassword={_password(passwords, account)}\n{place}"


def _pattern(schema: str) -> str:
    """A schema as GRANT takes it: an underscore would stand for any character, were it not escaped.

    Only where a whole schema is meant: the schema of a table is taken as it is written.
    """
    return "`" + schema.replace("_", r"\_") + "`"


def _user(account: str, passwords: Mapping[str, str]) -> str:
    return f"CREATE USER '{account}'@'%' IDENTIFIED BY '{_password(passwords, account)}'"


def _password(passwords: Mapping[str, str], account: str) -> str:
    password = passwords[account]
    if not re.fullmatch(r"[A-Za-z0-9_-]+", password):
        raise ValueError(f"the password of {account} may hold letters, digits, - and _ only, at least one")
    return password


def _statements(*statements: str) -> str:
    return "".join(f"{statement};\n" for statement in statements)
