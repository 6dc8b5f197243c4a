"""The parts of MongoDB: where their secrets are, who may do what, when they are ready."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pymongo.uri_parser import parse_uri

from containers.docker.image_names import MONGO, MONGO_STANDIN
from containers.docker.mongo import capture_url, mongo_parts, observer_url, role_of, service_url
from containers.docker.parts import ACCOUNTS, Part

PASSWORDS = {name: f"pw-{name}" for name in ACCOUNTS}
FOLDER = Path(__file__).parents[1] / "mongo"


def parts(image: str = MONGO) -> list[Part]:
    return mongo_parts(image, PASSWORDS, host_port=4711)


class Answering:
    """A container in which every command ends the same."""

    def __init__(self, code: int, output: str) -> None:
        self.answer, self.asked = (code, output), ""

    def run(self, *command: str) -> tuple[int, str]:
        self.asked = " ".join(command)
        return self.answer


def values(script: str) -> Mapping[str, object]:
    """What a script of assignments to globalThis says."""
    found = re.findall(r"^globalThis\.(\w+) = (.*);$", script, re.M)
    assert len(found) == len(script.splitlines())
    return {name: json.loads(text) for name, text in found}


def test_the_set_has_three_members_and_the_stand_in_one() -> None:
    """The members wait for nobody: they elect a primary together, and find their data at the next start."""
    assert [part.name for part in parts()] == ["mongodb1", "mongodb2", "mongodb3"]
    assert [part.name for part in parts(MONGO_STANDIN)] == ["mongodb1"]
    for part in [*parts(), *parts(MONGO_STANDIN)]:
        assert not part.needs
        assert dict(part.volumes) == {part.name: "/data/db"}
    assert [dict(part.ports) for part in parts()] == [{27017: 4711}, {}, {}]
    assert [dict(part.ports) for part in parts(MONGO_STANDIN)] == [{27017: 4711}]


def test_passwords_are_in_files_that_no_process_names_in_full() -> None:
    """Neither a command line nor an environment holds one."""
    for part in parts():
        shown = [*(part.entrypoint or ()), *part.command, *part.environment.values()]
        assert "pw-" not in " ".join(shown)
        holding = {path for path, text in part.files.items() if "pw-" in text}
        assert holding == {"/quartet/accounts.js"}


def test_members_share_a_key_that_mongod_takes() -> None:
    """6 to 1024 characters of base64, and another one for another password."""
    (key,) = {part.files["/quartet/key"] for part in parts()}
    assert re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}\n", key)
    (other, *_) = mongo_parts(MONGO, {**PASSWORDS, "replication": "pw-new"}, host_port=1)
    assert other.files["/quartet/key"] != key


def test_rights_of_the_accounts() -> None:
    """Only activation writes, only in its own database; root comes from inside of the container."""
    said = values(parts()[0].files["/quartet/accounts.js"])
    database = "activate_user_reg_db"
    assert said["ACCOUNTS"] == [
        {"user": name, "pwd": f"pw-{name}", "roles": [{"role": role, "db": database}]}
        for name, role in [("activation", "readWrite"), ("capture", "read"), ("observer", "read")]
    ]
    assert said["ROOT"] == {
        "user": "root",
        "pwd": "pw-root",
        "roles": [{"role": "root", "db": "admin"}],
        "authenticationRestrictions": [{"clientSource": ["127.0.0.1"]}],
    }


def test_a_password_that_could_end_a_script_is_refused() -> None:
    """Passwords are made of few signs, so that no place where they stand needs an escape."""
    with pytest.raises(ValueError, match="the password of root may hold letters, digits, - and _ only"):
        mongo_parts(MONGO, {**PASSWORDS, "root": '"'}, host_port=1)


def test_one_member_founds_the_set() -> None:
    """It knows all three; each talks to itself alone."""
    said = [values(part.files["/quartet/group.js"]) for part in parts()]
    assert [each["IS_FOUNDER"] for each in said] == [True, False, False]
    for each in said:
        assert each["SET"] == {
            "_id": "rs0",
            "members": [{"_id": number, "host": f"mongodb{number + 1}:27017"} for number in range(3)],
        }
        assert str(each["ADDRESS"]).startswith("mongodb://127.0.0.1:27017/?directConnection=true&")


def test_entry_script_names_what_the_members_say() -> None:
    """The set's name, the port and the folder stand in the script too: it has to run without Python."""
    entry = parts()[0].files["/quartet/entry.sh"]
    assert "--replSet rs0 " in entry
    assert "--port 27017 " in entry
    assert "data=/data/db\n" in entry
    assert "exec gosu mongodb mongod " in entry


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_are_scripts(script: Path) -> None:
    """A shell reads them to the end without a complaint."""
    assert subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=True).stderr == ""


@pytest.mark.parametrize("make", [service_url, capture_url])
def test_clients_inside_know_every_member(make: object) -> None:
    """Whichever is the primary is found; each client comes under its own account."""
    assert callable(make)
    said = parse_uri(make(MONGO, PASSWORDS))
    assert said["nodelist"] == [("mongodb1", 27017), ("mongodb2", 27017), ("mongodb3", 27017)]
    account = "activation" if make is service_url else "capture"
    assert (said["username"], said["password"]) == (account, f"pw-{account}")
    assert said["options"]["replicaSet"] == "rs0"
    assert said["options"]["authSource"] == "admin"


def test_the_stand_in_knows_no_accounts() -> None:
    """An address with a password would be refused there."""
    for url in (
        service_url(MONGO_STANDIN, PASSWORDS),
        capture_url(MONGO_STANDIN, PASSWORDS),
        observer_url(MONGO_STANDIN, PASSWORDS, 4711),
    ):
        said = parse_uri(url)
        assert said["username"] is None
        assert "authSource" not in said["options"]
        assert "pw-" not in url
    assert parse_uri(service_url(MONGO_STANDIN, PASSWORDS))["nodelist"] == [("mongodb1", 27017)]


@pytest.mark.parametrize("image", [MONGO, MONGO_STANDIN])
def test_this_machine_looks_at_one_member(image: str) -> None:
    """The names of the others mean nothing here, and that one need not be the primary."""
    url = urlsplit(observer_url(image, PASSWORDS, 4711))
    assert (url.hostname, url.port, url.path) == ("127.0.0.1", 4711, "/activate_user_reg_db")
    assert parse_qs(url.query)["directConnection"] == ["true"]
    assert parse_qs(url.query)["readPreference"] == ["primaryPreferred"]
    assert url.username == ("observer" if image == MONGO else None)


@pytest.mark.parametrize(
    ("code", "output", "missing"),
    [
        (1, "MongoServerError: Authentication failed.", "the member does not let its accounts in yet"),
        (0, "state=secondary\nprimary=\n", "the members have not elected a primary yet"),
        (0, "state=other\nprimary=mongodb1:27017\n", "the member is catching up"),
        (0, "state=secondary\nprimary=mongodb2:27017\n", None),
        (0, "state=primary\nprimary=mongodb1:27017\n", None),
    ],
)
def test_a_member_is_ready_in_a_set_with_a_primary(code: int, output: str, missing: str | None) -> None:
    """And once its accounts are there: activation starts as soon as the first member is ready."""
    inside = Answering(code, output)
    assert parts()[0].probe(inside) == missing
    assert inside.asked == "sh /quartet/shell.sh state.js"


@pytest.mark.parametrize(
    ("code", "output", "role"),
    [
        (0, "state=primary\nprimary=mongodb1:27017\n", "PRIMARY"),
        (0, "state=secondary\nprimary=\n", "SECONDARY"),
        (0, "state=other\nprimary=mongodb1:27017\n", None),
        (1, "state=primary\n", None),
    ],
)
def test_a_member_has_the_role_that_it_tells(code: int, output: str, role: str | None) -> None:
    """One that is down, catches up or lets nobody in has none."""
    assert role_of(Answering(code, output)) == role


@pytest.mark.parametrize(
    ("code", "output", "missing"),
    [
        (1, "no answer on port 27017", "the stand-in for MongoDB does not answer as a primary yet"),
        (0, "isWritablePrimary=false\n", "the stand-in for MongoDB does not answer as a primary yet"),
        (0, "isWritablePrimary=true\nstandin=mongo-java-server\n", None),
        (
            0,
            "isWritablePrimary=true\nstandin=null\n",
            "a server answers that calls itself 'null', not 'mongo-java-server'",
        ),
    ],
)
def test_the_stand_in_must_say_that_it_is_one(code: int, output: str, missing: str | None) -> None:
    """Nothing that takes itself for MongoDB may run under the name of the stand-in."""
    assert parts(MONGO_STANDIN)[0].probe(Answering(code, output)) == missing
