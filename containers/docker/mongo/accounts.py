"""The accounts of the replica set: what each may do, and nothing else.

| account     | may                                                                                  |
|-------------|--------------------------------------------------------------------------------------|
| root        | everything, from inside of a member's container only                                 |
| activation  | read and write the documents of activate_user_reg_db, make their collections and indexes |
| capture     | read activate_user_reg_db and follow its changes                                     |
| observer    | read activate_user_reg_db                                                            |

Members know each other by the key file, which is made from the password of `replication`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from containers.docker.mongo.urls import DATABASE, PORT, REPLICA_SET

ROOT = "root"

# From inside of the container, to this member alone; a server that hangs is given up.
_ADDRESS = (
    f"mongodb://127.0.0.1:{PORT}/?directConnection=true&serverSelectionTimeoutMS=2000&socketTimeoutMS=15000"
)

_ROLES = {"activation": "readWrite", "capture": "read", "observer": "read"}


def accounts_script(passwords: Mapping[str, str]) -> str:
    """JavaScript for mongosh: `ROOT` and `ACCOUNTS`, as createUser takes them."""
    root = {
        "user": ROOT,
        "pwd": _password(passwords, ROOT),
        "roles": [{"role": "root", "db": "admin"}],
        "authenticationRestrictions": [{"clientSource": ["127.0.0.1"]}],
    }
    accounts = [
        {"user": name, "pwd": _password(passwords, name), "roles": [{"role": role, "db": DATABASE}]}
        for name, role in _ROLES.items()
    ]
    return f"globalThis.ROOT = {json.dumps(root)};\nglobalThis.ACCOUNTS = {json.dumps(accounts)};\n"


def group_script(name: str, members: Sequence[str]) -> str:
    """JavaScript for mongosh: `ADDRESS` of this member, `IS_FOUNDER` of the set, and the `SET` itself."""
    config = {
        "_id": REPLICA_SET,
        "members": [{"_id": number, "host": f"{host}:{PORT}"} for number, host in enumerate(members)],
    }
    return (
        f"globalThis.ADDRESS = {json.dumps(_ADDRESS)};\n"
        f"globalThis.IS_FOUNDER = {json.dumps(name == members[0])};\n"
        f"globalThis.SET = {json.dumps(config)};\n"
    )


def _password(passwords: Mapping[str, str], account: str) -> str:
    password = passwords[account]
    if not re.fullmatch(r"[A-Za-z0-9_-]+", password):
        raise ValueError(f"the password of {account} may hold letters, digits, - and _ only")
    return password
