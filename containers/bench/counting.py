"""What one operation costs, in whole numbers: statements, commits, hashes and events.

The use cases run on the databases and connectors of the embedded tier, without the services' background
work, so that nothing but the operation is counted. Events are the records that the connectors carry for
it, over all topics. The numbers are exact: `counts.json` holds what they have to be.
"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.errors import Refusal
from apps.login import handlers as login
from apps.login.handlers import LogIn
from apps.reset_password import handlers as reset_password
from apps.reset_password.handlers import ChoosePassword, RequestLink
from apps.signup import handlers as signup
from apps.signup.domain import Activation, Profile
from apps.signup.handlers import SignUp
from apps.storage.database import Database
from apps.storage.migrate import migrate
from apps.web.hash_pool import HashPool
from containers import settings as platform_settings
from containers.bench.figures import Figure
from containers.bench.subject import PASSWORD
from containers.connect_configs import CONNECTOR_FILES
from containers.connector_files.config import read_folder
from containers.embedded.connect import Connect
from containers.embedded.environment import DATABASES, connector_environ, database_url, service_environ
from containers.embedded.log import DurableLog
from containers.folder import DOCUMENTS, DataFolder
from containers.keys import ensure_secrets
from containers.service_settings import load_services

TABLE = Path(__file__).with_name("counts.json")
KEYS = ("statements", "commits", "hashes", "events")
EMAIL = "ada@example.org"

Counts = dict[str, dict[str, int]]


class Workbench:
    """Three databases, the connectors between them, and the use cases on top."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        wanted = platform_settings.load({"LOGIN_RETRY_SECONDS": "0"}, tier="embedded", data=folder)
        data = DataFolder(folder)
        secrets = ensure_secrets(data.keys, has_accounts=False, given={})
        self.settings = load_services(service_environ(wanted, data, secrets))
        self.databases = {service: Database(database_url(data, name)) for service, name in DATABASES.items()}
        self.hash_pool = HashPool()
        self.log = DurableLog(data.file("log"))
        files = {name: data.file(name) for name in (*DATABASES.values(), DOCUMENTS)}
        self.connect = Connect(self.log, files, environ=connector_environ({}))
        stack.callback(self.log.close)
        stack.callback(self.hash_pool.close)
        self.counts: Counts = {}

    async def open(self) -> None:
        await migrate(self.databases["signup"], "signup")
        await migrate(self.databases["login"], "login")
        await migrate(self.databases["reset_password"], "reset_password")
        for service, name in DATABASES.items():
            self.databases[service].on_commit(partial(self.connect.wake, name))
        self.connect.start()
        for name, config in read_folder(CONNECTOR_FILES).items():
            if name != "mongonewuserconnector":
                self.connect.put(name, config)
        for name in DATABASES.values():
            self.connect.capture_ready(name).result()
        await asyncio.to_thread(self.connect.settle)

    async def close(self) -> None:
        await asyncio.to_thread(self.connect.stop)
        for database in self.databases.values():
            await database.close()

    async def count(self, operation: str, act: Callable[[], Awaitable[object]]) -> object:
        """Notes under `operation` what `act` costs, refused or not, and returns what it returns."""
        before, result = self._totals(), None
        with suppress(Refusal):
            result = await act()
        await asyncio.to_thread(self.connect.settle)
        after = self._totals()
        self.counts[operation] = {key: after[key] - before[key] for key in KEYS}
        return result

    def _totals(self) -> dict[str, int]:
        counters = [database.counters for database in self.databases.values()]
        return {
            "statements": sum(counter["statements"] for counter in counters),
            "commits": sum(counter["commits"] for counter in counters),
            "hashes": self.hash_pool.counts["done"],
            "events": sum(self.log.end_offset(topic) for topic in self.log.topics()),
        }


async def _count_all(bench: Workbench) -> Counts:
    clock = partial(datetime.now, UTC)
    up = signup.Ports(bench.databases["signup"], None, bench.hash_pool, clock)
    in_ = login.Ports(bench.databases["login"], bench.hash_pool, clock)
    reset = reset_password.Ports(bench.databases["reset_password"], bench.hash_pool, clock)
    settings = bench.settings

    def sign_up(password: str) -> Awaitable[object]:
        command = SignUp(EMAIL, password, Profile(None, None, None, None))
        caller = signup.Caller("127.0.0.1", "bench")
        return signup.sign_up(command, ports=up, settings=settings.signup, caller=caller)

    def log_in(email: str, password: str) -> Awaitable[object]:
        caller = login.Caller("127.0.0.1", "bench")
        return login.log_in(LogIn(email, password), ports=in_, settings=settings.login, caller=caller)

    caller = reset_password.Caller("127.0.0.1", "bench")
    await bench.count("sign-up, new address", lambda: sign_up("the first password"))
    await bench.count("sign-up, INACTIVE address", lambda: sign_up(PASSWORD))
    await bench.count("login, INACTIVE account", lambda: log_in(EMAIL, PASSWORD))
    active = Activation(user_id=1, status="ACTIVE", pw_version=2, reason=None)
    await bench.count("activation, applied by sign-up", lambda: signup.apply_activation(active, ports=up))
    await bench.count("sign-up, ACTIVE address", lambda: sign_up("not the owner"))
    token = await bench.count("login", lambda: log_in(EMAIL, PASSWORD))
    await bench.count("login, wrong password", lambda: log_in(EMAIL, "wrong password"))
    await bench.count("login, unknown address", lambda: log_in("bob@example.org", "wrong password"))
    await bench.count("session", lambda: login.authenticate(str(token), ports=in_, settings=settings.login))
    ask = RequestLink(EMAIL, None)
    await bench.count(
        "reset, link asked for",
        lambda: reset_password.request_link(
            ask, ports=reset, settings=settings.reset_password, caller=caller
        ),
    )
    choose = ChoosePassword(await _reset_token(bench), "a harbour in the evening")
    await bench.count(
        "reset, password chosen",
        lambda: reset_password.choose_password(
            choose, ports=reset, settings=settings.reset_password, caller=caller
        ),
    )
    return bench.counts


async def _reset_token(bench: Workbench) -> str:
    """The token of the one link there is, as its mail would carry it."""
    async with bench.databases["reset_password"].reading() as connection:
        row = (await connection.execute(sa.text("SELECT id, expires_at FROM reset_links"))).one()
    key = tokens.SigningKey.from_pem(bench.settings.reset_password.reset_password_private_key.reveal())
    now = datetime.now(UTC)
    return tokens.issue(
        tokens.RESET,
        key,
        subject=1,
        token_id=row.id,
        issued_at=now,
        expires_at=datetime.fromisoformat(row.expires_at).replace(tzinfo=UTC),
        claims={"email": EMAIL, "pwv": 2},
    )


def measure() -> Counts:
    """What each operation costs, on a fresh set of databases."""

    async def run(folder: Path, stack: ExitStack) -> Counts:
        bench = Workbench(folder, stack)
        try:
            await bench.open()
            return await _count_all(bench)
        finally:
            await bench.close()

    with tempfile.TemporaryDirectory(prefix="quartet-bench-") as folder, ExitStack() as stack:
        return asyncio.run(run(Path(folder), stack))


def expected() -> Mapping[str, Mapping[str, int]]:
    """What each operation has to cost."""
    table: Mapping[str, Mapping[str, int]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def counts() -> Iterator[Figure]:
    """Statements, commits, hashes and events of each operation, against the table."""
    table = expected()
    for operation, found in measure().items():
        for key, value in found.items():
            goal = table.get(operation, {}).get(key)
            yield Figure("counts", f"{operation}: {key}", value, "", f"== {goal}", value == goal)
