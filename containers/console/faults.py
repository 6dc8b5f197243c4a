"""What can be broken: each fault knows how it is done, how it is mended, and whose rows it might change.

| kind      | target             | does                                                            |
|-----------|--------------------|-----------------------------------------------------------------|
| pause     | a connector        | it hands nothing on until it is resumed                         |
| smtp      | -                  | the inbox refuses every mail until it takes them again          |
| kill      | a part             | ends a container at once; it stays down until it is started     |
| replay    | a sink connector   | it forgets how far it has come, and reads its topic from the start |
| duplicate | a topic            | its newest record comes a second time                           |
| late      | a topic            | an older state of the newest record's account comes once more   |
| poison    | a topic            | a record comes that is no JSON                                  |
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from containers.connectors import ConnectRefused
from containers.console.flow import Flow
from containers.engines import SQLDatabase, Tier, TierOfEngines, TopicRecord
from containers.inbox_client import InboxClient
from containers.journey import DEAD_LETTERS, row_of
from containers.polling import DeadlinePassed, poll

STOPPING_SECONDS = 30.0
_SQL: tuple[SQLDatabase, ...] = ("signup_db", "login_db", "rpwd_db")
_SUSPENDING: tuple[SQLDatabase, ...] = ("signup_db", "login_db")
POISON = '{"this is": no JSON'


class FaultRefused(Exception):
    """The fault cannot be done; the message says why and what to do."""


def _no_rows() -> dict[str, Any]:
    return {}


def _nothing() -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Fault:
    """One fault, not yet done.

    act, mend: do it and undo it, and return a sentence; mend is None where nothing has to be undone.
    user_id, rows: whose rows it might change, and these rows by place.
    waiting: what else has to be over before all is well. outcome: what else is to be told in the end.
    """

    title: str
    act: Callable[[], str]
    mend: Callable[[], str] | None = None
    mend_title: str | None = None
    user_id: int | None = None
    rows: Callable[[], dict[str, Any]] = _no_rows
    waiting: Callable[[], Sequence[str]] = _nothing
    outcome: Callable[[], Sequence[str]] = _nothing


class Faults:
    """The faults of one platform. All of it blocks."""

    def __init__(self, tier: Tier, flow: Flow) -> None:
        self._tier, self._flow = tier, flow

    def offered(self) -> Mapping[str, Sequence[str]]:
        """The targets of each kind that this platform has; `smtp` has none of its own."""
        carriers = self._flow.carriers
        found: dict[str, Sequence[str]] = {
            "pause": [carrier.name for carrier in carriers if carrier.kind != "consumer"],
            "smtp": [""],
            "replay": [carrier.name for carrier in carriers if carrier.kind == "sink"],
            **dict.fromkeys(("duplicate", "late", "poison"), self._flow.topics),
        }
        if "engines" in self._tier.capabilities:
            found["kill"] = cast(TierOfEngines, self._tier).parts()
        return found

    def fault(self, kind: str, target: str) -> Fault:
        """The fault of this kind on this target.

        Raises:
            FaultRefused: there is no such kind or target here, or the topic holds nothing to repeat.
            EngineAway: Kafka does not answer.
        """
        if target not in self.offered().get(kind, ()):
            raise FaultRefused(f"There is no {kind!r} of {target!r} on this platform.")
        makers: Mapping[str, Callable[[str], Fault]] = {
            "pause": self._pause,
            "smtp": self._smtp,
            "kill": self._kill,
            "replay": self._replay,
            "duplicate": self._duplicate,
            "late": self._late,
            "poison": self._poison,
        }
        return makers[kind](target)

    def _pause(self, connector: str) -> Fault:
        connect = self._tier.connectors
        return Fault(
            f"{connector} is paused",
            _asked(connect.pause, connector, "It hands nothing on now; what comes waits before it."),
            _asked(connect.resume, connector, "It is resumed."),
            "Resume it",
        )

    def _smtp(self, _: str) -> Fault:
        def refuse(percent: int, sentence: str) -> Callable[[], str]:
            def do() -> str:
                try:
                    with InboxClient(self._tier.urls["inbox"]) as inbox:
                        inbox.refuse_mail(percent=percent)
                except httpx.HTTPError as error:
                    raise FaultRefused(f"The inbox cannot be told to ({type(error).__name__}).") from error
                return sentence

            return do

        return Fault(
            "The mail server refuses every mail",
            refuse(100, "Mails wait in the outboxes now, and the answers of the services are the same."),
            refuse(0, "It takes mails again; those that wait are tried anew after their pause."),
            "Take mails again",
            waiting=self._waiting_mails,
            outcome=lambda: ["No mail waits any more."],
        )

    def _waiting_mails(self) -> Sequence[str]:
        waiting = sum(
            len(self._tier.rows(name, "outbox", state=state))
            for name in _SQL
            for state in ("queued", "processing")
        )
        return [f"mails: {waiting}"] if waiting else []

    def _kill(self, part: str) -> Fault:
        tier = cast(TierOfEngines, self._tier)
        members = next((members for members in (tier.group, tier.replica_set) if part in members()), None)

        def waiting() -> Sequence[str]:
            has_left = members is not None and part not in members()
            return [*self._waiting_mails(), *([f"{part} has not joined its group"] if has_left else [])]

        def kill() -> str:
            tier.kill(part)
            return "It was ended at once, as by a power cut, and stays down."

        def start() -> str:
            tier.start(part)
            return "It is started again, on the same data."

        return Fault(f"{part} is killed", kill, start, "Start it again", waiting=waiting)

    def _replay(self, sink: str) -> Fault:
        connect = self._tier.connectors

        def replay() -> str:
            connect.stop(sink)
            try:
                poll(
                    lambda: not connect.status(sink)["tasks"] or None,
                    within_seconds=STOPPING_SECONDS,
                    what=f"{sink} stopped",
                )
                connect.forget_offsets(sink)
            except (DeadlinePassed, ConnectRefused) as error:
                raise FaultRefused(f"{sink} cannot begin anew: {error}") from error
            finally:
                connect.resume(sink)
            return "It reads its topic from the first record again, and writes every row once more."

        return Fault(f"{sink} reads its topic from the start", replay)

    def _duplicate(self, topic: str) -> Fault:
        record = self._records(topic)[-1]
        return self._written(
            f"The newest record of {topic} comes twice", topic, record.key, record.value, f"{record.offset}"
        )

    def _late(self, topic: str) -> Fault:
        records = self._records(topic)
        for newest in reversed(records):
            for older in records:
                if older.key == newest.key and older.value != newest.value and older.value is not None:
                    title = f"A late record comes to {topic}"
                    return self._written(title, topic, older.key, older.value, f"{older.offset}")
        raise FaultRefused(
            f"No account has two different records in {topic} yet: play the demo user's story first."
        )

    def _poison(self, topic: str) -> Fault:
        records = self._tier.records(topic)
        key = records[-1].key if records else json.dumps({"schema": None, "payload": {"id": 0}})
        parked_before = {dead: len(self._tier.records(dead)) for dead in DEAD_LETTERS}

        def parked() -> Sequence[str]:
            found = []
            for dead, before in parked_before.items():
                for record in self._tier.records(dead)[before:]:
                    found.append(f"It is parked as record {record.offset} of {dead}.")
            return found or ["No dead-letter topic has got it."]

        return self._written(
            f"A record that is no JSON comes to {topic}", topic, key, POISON, None, outcome=parked
        )

    def _records(self, topic: str) -> Sequence[TopicRecord]:
        records = [record for record in self._tier.records(topic) if record.key is not None]
        if not records:
            raise FaultRefused(f"{topic} holds no record yet: play the demo user's story first.")
        return records

    def _written(
        self,
        title: str,
        topic: str,
        key: str | None,
        value: str | None,
        offset: str | None,
        outcome: Callable[[], Sequence[str]] = _nothing,
    ) -> Fault:
        row = row_of(value) or {}
        # A suspension has an id of its own.
        identity = row.get("user_id") if topic.endswith(".suspended_users") else (row_of(key) or {}).get("id")
        user_id = int(str(identity)) if str(identity).isdecimal() else None

        def write() -> str:
            written = self._tier.produce(topic, key, value)
            of = "" if offset is None else f", the same as record {offset}"
            return f"Record {written} of {topic} is written{of}."

        return Fault(
            title,
            write,
            user_id=user_id,
            rows=_no_rows if user_id is None else lambda: self._accounts(user_id),
            outcome=outcome,
        )

    def _accounts(self, user_id: int) -> dict[str, Any]:
        rows: dict[str, Any] = {f"{name}.users": self._tier.rows(name, "users", id=user_id) for name in _SQL}
        rows |= {
            f"{name}.suspended_users": self._tier.rows(name, "suspended_users", user_id=user_id)
            for name in _SUSPENDING
        }
        return rows | {"activate_user_reg_db": self._tier.documents("active_users", _id=user_id)}


def _asked(request: Callable[[str], None], connector: str, sentence: str) -> Callable[[], str]:
    def do() -> str:
        try:
            request(connector)
        except ConnectRefused as refused:
            raise FaultRefused(f"Connect refuses: {refused}") from refused
        return sentence

    return do
