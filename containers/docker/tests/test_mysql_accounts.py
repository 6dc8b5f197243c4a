"""What each account of MySQL is granted, word for word."""

import re

import pytest

from containers.docker.mysql import accounts
from containers.docker.parts import ACCOUNTS

PASSWORDS = {name: f"pw-{name}" for name in ACCOUNTS}


def grants(sql: str) -> list[tuple[str, str, str]]:
    """(rights, where, to whom) of each GRANT."""
    return re.findall(r"^GRANT (.+) ON (\S+) TO '(\w+)'@'%';$", sql, re.MULTILINE)


def test_rights_on_a_single_server() -> None:
    """The service inside its schema, the sink on its table, the others only read; nobody administers."""
    owner = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER"
    assert grants(accounts.server_accounts(accounts.RESET_PASSWORD, PASSWORDS)) == [
        (owner, r"`rpwd\_db`.*", "reset_password"),
        ("FLUSH_TABLES, REPLICATION SLAVE, REPLICATION CLIENT", "*.*", "capture"),
        ("SELECT", r"`rpwd\_db`.*", "capture"),
        ("CREATE, SELECT, INSERT, UPDATE, DELETE", "`rpwd_db`.`users`", "sink"),
        ("SELECT", r"`rpwd\_db`.*", "observer"),
    ]


def test_the_sink_may_not_create_its_table_in_the_end() -> None:
    """CREATE is only lent, until the statement is through."""
    sql = accounts.server_accounts(accounts.LOGIN, PASSWORDS)
    assert sql.index("GRANT CREATE, SELECT") < sql.index(
        "REVOKE CREATE ON `login_db`.`users` FROM 'sink'@'%';"
    )


def test_the_group_has_two_accounts_more() -> None:
    """They tell a member's state, one to its peers and one to the route; only one sends the binary log."""
    single = accounts.server_accounts(accounts.SIGNUP, PASSWORDS)
    group = accounts.group_accounts(accounts.SIGNUP, PASSWORDS)
    assert group.startswith(single)
    state = "performance_schema.replication_group_members"
    assert grants(group.removeprefix(single)) == [
        ("REPLICATION SLAVE", "*.*", "replication"),
        ("SELECT", state, "replication"),
        ("SELECT", "performance_schema.replication_connection_status", "replication"),
        ("SELECT", state, "route_check"),
    ]


def test_every_account_has_its_own_password() -> None:
    """Only the check of the route has none."""
    sql = accounts.group_accounts(accounts.SIGNUP, PASSWORDS)
    made = dict(re.findall(r"USER '(\w+)'@'[%a-z]+' IDENTIFIED BY '([^']*)'", sql))
    names = ("root", "signup", "capture", "sink", "observer", "replication")
    assert made == {name: f"pw-{name}" for name in names} | {"route_check": ""}


@pytest.mark.parametrize("password", ["", "it's", "a b", "a\\", "ä"])
def test_a_password_that_would_need_quoting_is_refused(password: str) -> None:
    """By the account's name, and without repeating the password."""
    with pytest.raises(ValueError, match=r"^the password of sink may hold letters, digits, - and _ only"):
        accounts.server_accounts(accounts.LOGIN, {**PASSWORDS, "sink": password})
