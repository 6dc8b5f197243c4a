import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.auth.addresses import address_key
from apps.signup.domain import Activation, NewPassword, Standing
from apps.signup.handlers import apply_activation, apply_password, sweep
from apps.signup.tables import audit, outbox, users
from apps.signup.tests.desk import ADA, CALLER, Desk, with_desk
from apps.web.tests.doubles import cheap_hash


async def mails(desk: Desk, email: str = ADA) -> list[tuple[str, dict[str, Any]]]:
    return [(mail.kind, json.loads(mail.params)) for mail in await desk.rows(outbox, recipient=email)]


async def make(desk: Desk, standing: Standing, email: str = ADA) -> None:
    if standing is not Standing.NEW:
        await desk.sign_up(email)
    if not standing.is_open:
        await desk.activate(email)
    if standing is Standing.SUSPENDED:
        await desk.suspend(email)


def test_a_new_address_is_saved_and_owed_a_mail(tmp_path: Path) -> None:
    """One transaction holds the account, the mail with the claims of its link, and the audit row."""

    async def story(desk: Desk) -> None:
        assert await desk.sign_up(full_name="Ada L.") is Standing.NEW
        row = await desk.row()
        assert (row.User_status, row.password, row.fullName) == (
            "INACTIVE",
            cheap_hash("a quiet harbour"),
            "Ada L.",
        )
        ((kind, params),) = await mails(desk)
        issued_at = int(desk.clock.now.timestamp())
        assert kind == "activation"
        assert len(params.pop("token_id")) >= 22, "128 bits at least"
        assert params == {
            "template": "activation",
            "user_id": row.id,
            "pw_version": 1,
            "issued_at": issued_at,
            "expires_at": issued_at + 86400,
        }
        (mail,) = await desk.rows(outbox)
        assert mail.expires_at == desk.clock.now + timedelta(days=1)
        (event,) = await desk.rows(audit)
        assert (event.event, event.user_id, event.address_key, event.client, event.request_id) == (
            "SIGN_UP_NEW",
            row.id,
            address_key(ADA),
            CALLER.client,
            CALLER.request_id,
        )
        assert desk.database.counters["commits"] == 1

    with_desk(tmp_path, story)


def test_a_newer_sign_up_supersedes_the_pending_one(tmp_path: Path) -> None:
    """The next version, password and profile, and a mail that says so; the date of registration stays."""

    async def story(desk: Desk) -> None:
        await desk.sign_up(full_name="Ada L.")
        first = await desk.row()
        desk.clock.advance(60)
        assert await desk.sign_up(password="another harbour", gender="f") is Standing.INACTIVE
        row = await desk.row()
        assert (row.id, row.pw_version, row.regDate) == (first.id, 2, first.regDate)
        assert (row.password, row.fullName, row.gender) == (cheap_hash("another harbour"), None, "f")
        kind, params = (await mails(desk))[-1]
        assert (kind, params["template"], params["pw_version"]) == ("activation", "activation_again", 2)

    with_desk(tmp_path, story)


@pytest.mark.parametrize("standing", [Standing.ACTIVE, Standing.SUSPENDED])
def test_the_owner_of_an_active_account_is_told(tmp_path: Path, standing: Standing) -> None:
    """Nothing changes, and the notice holds neither link nor claims."""

    async def story(desk: Desk) -> None:
        await make(desk, standing)
        before = await desk.row()
        assert await desk.sign_up(password="not adas password", full_name="Mallory") is standing
        assert await desk.row() == before
        assert (await mails(desk))[-1] == ("taken_notice", {"template": "taken"})

    with_desk(tmp_path, story)


def test_a_suspension_that_is_over_suspends_nobody(tmp_path: Path) -> None:
    """The account is then simply taken."""

    async def story(desk: Desk) -> None:
        await make(desk, Standing.SUSPENDED)
        desk.clock.advance(1801)
        assert await desk.sign_up() is Standing.ACTIVE

    with_desk(tmp_path, story)


def test_every_case_costs_the_same(tmp_path: Path) -> None:
    """One hash, as many statements, one commit: time must not tell one case from another."""

    async def story(desk: Desk) -> None:
        async def cost(email: str) -> tuple[int, ...]:
            counters = desk.database.counters
            before = (desk.hashes.counts["done"], counters["statements"], counters["commits"])
            await desk.sign_up(email)
            after = (desk.hashes.counts["done"], counters["statements"], counters["commits"])
            return tuple(b - a for a, b in zip(before, after, strict=True))

        costs = {}
        for standing in Standing:
            email = f"{standing.value}@example.org"
            await make(desk, standing, email)
            costs[standing.value] = await cost(email)
        for _ in range(5):
            await desk.sign_up("withheld@example.org")
        costs["withheld"] = await cost("withheld@example.org")
        assert set(costs.values()) == {(1, 6, 1)}, costs

    with_desk(tmp_path, story)


def test_a_withheld_mail_changes_nothing(tmp_path: Path) -> None:
    """The sixth sign-up within the window is as if it had not been, until the window has passed."""

    async def story(desk: Desk) -> None:
        for number in range(5):
            await desk.sign_up(password=f"harbour number {number}")
        before = await desk.row()
        assert await desk.sign_up(password="the sixth") is Standing.INACTIVE
        assert await desk.row() == before
        assert len(await mails(desk)) == 5
        assert (await desk.rows(audit))[-1].event == "SIGN_UP_WITHHELD"
        desk.clock.advance(900)
        await desk.sign_up(password="the seventh")
        assert (await desk.row()).pw_version == 6
        assert len(await mails(desk)) == 6

    with_desk(tmp_path, story)


def test_the_limit_counts_each_kind_and_address(tmp_path: Path) -> None:
    """Activation mails do not use up the notices, nor one address those of another."""

    async def story(desk: Desk) -> None:
        for _ in range(3):
            await desk.sign_up()
        await desk.activate()
        for _ in range(3):
            await desk.sign_up()
        await desk.sign_up("bob@example.org")
        assert [kind for kind, _ in await mails(desk)] == ["activation"] * 2 + ["taken_notice"] * 2
        assert len(await mails(desk, "bob@example.org")) == 1

    with_desk(tmp_path, story, mail_per_address=2)


def test_a_withheld_sign_up_of_a_new_address_makes_no_account(tmp_path: Path) -> None:
    """An account whose link nobody got would be of no use."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        await desk.write(users.delete())
        assert await desk.sign_up() is Standing.NEW
        assert await desk.rows(users) == []
        assert (await desk.rows(audit))[-1].user_id is None

    with_desk(tmp_path, story, mail_per_address=1)


def test_twenty_sign_ups_at_once_are_one_account(tmp_path: Path) -> None:
    """The first makes the row, the others replace it until the mail limit ends that."""

    async def story(desk: Desk) -> None:
        standings = await asyncio.gather(*(desk.sign_up(password=f"harbour no {n}") for n in range(20)))
        assert standings.count(Standing.NEW) == 1
        assert standings.count(Standing.INACTIVE) == 19
        assert (await desk.row()).pw_version == 5
        versions = [params["pw_version"] for _, params in await mails(desk)]
        assert versions == [1, 2, 3, 4, 5]

    with_desk(tmp_path, story)


def test_resend_is_of_the_same_version(tmp_path: Path) -> None:
    """Earlier links stay good, and the new one has a life of its own."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        desk.clock.advance(3600)
        await desk.resend()
        (_, first), (kind, second) = await mails(desk)
        assert kind == "activation"
        assert second["template"] == "activation"
        assert second["pw_version"] == first["pw_version"] == (await desk.row()).pw_version == 1
        assert second["token_id"] != first["token_id"]
        assert second["expires_at"] - first["expires_at"] == 3600

    with_desk(tmp_path, story)


@pytest.mark.parametrize("standing", [Standing.NEW, Standing.ACTIVE, Standing.SUSPENDED])
def test_resend_mails_nobody_else(tmp_path: Path, standing: Standing) -> None:
    """Only who waits for activation is mailed."""

    async def story(desk: Desk) -> None:
        await make(desk, standing)
        before = await mails(desk)
        await desk.resend()
        assert await mails(desk) == before

    with_desk(tmp_path, story)


def test_every_resend_costs_the_same(tmp_path: Path) -> None:
    """As for sign-up; the limit is the one of activation mails."""

    async def story(desk: Desk) -> None:
        costs = set()
        for standing in Standing:
            email = f"{standing.value}@example.org"
            await make(desk, standing, email)
            before = desk.database.counters.copy()
            await desk.resend(email)
            spent = desk.database.counters - before
            costs.add((spent["statements"], spent["commits"]))
        for _ in range(6):
            before = desk.database.counters.copy()
            await desk.resend("inactive@example.org")
            spent = desk.database.counters - before
            costs.add((spent["statements"], spent["commits"]))
        assert costs == {(4, 1)}
        assert len(await mails(desk, "inactive@example.org")) == 5

    with_desk(tmp_path, story)


def test_an_activation_is_applied(tmp_path: Path) -> None:
    """It makes the account ACTIVE once; a repeat or another version changes nothing."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        user_id = (await desk.row()).id
        for status, version, reason, expected in [
            ("INACTIVE", 1, "LINK_EXPIRED", ("INACTIVE", "LINK_EXPIRED")),
            ("ACTIVE", 2, None, ("INACTIVE", "LINK_EXPIRED")),
            ("ACTIVE", 1, None, ("ACTIVE", None)),
            ("ACTIVE", 1, None, ("ACTIVE", None)),
            ("INACTIVE", 1, "LINK_EXPIRED", ("ACTIVE", None)),
        ]:
            activation = Activation(user_id, status, version, reason)
            assert await apply_activation(activation, ports=desk.ports)
            row = await desk.row()
            assert (row.User_status, row.reason_for_inactive) == expected

    with_desk(tmp_path, story)


def test_events_of_unknown_accounts_insert_nothing(tmp_path: Path) -> None:
    """The consumer is told, so that it can park the record."""

    async def story(desk: Desk) -> None:
        activation = Activation(99, "ACTIVE", 1, None)
        chosen = NewPassword(99, cheap_hash("new"), 2, None)
        assert not await apply_activation(activation, ports=desk.ports)
        assert not await apply_password(chosen, ports=desk.ports)
        assert await desk.rows(users) == []

    with_desk(tmp_path, story)


def test_an_old_password_never_returns(tmp_path: Path) -> None:
    """Versions decide, in whatever order the events come and come again."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        await desk.activate()
        user_id = (await desk.row()).id
        for version in (3, 2, 1, 3, 2):
            chosen = NewPassword(user_id, cheap_hash(f"password {version}"), version, None)
            assert await apply_password(chosen, ports=desk.ports)
        row = await desk.row()
        assert (row.password, row.pw_version, row.User_status) == (cheap_hash("password 3"), 3, "ACTIVE")

    with_desk(tmp_path, story)


def test_old_audit_rows_are_swept(tmp_path: Path) -> None:
    """After 90 days and not before."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        desk.clock.now += timedelta(days=90)
        await sweep(ports=desk.ports)
        assert len(await desk.rows(audit)) == 1
        desk.clock.now += timedelta(seconds=1)
        await sweep(ports=desk.ports)
        assert not await desk.rows(audit)

    with_desk(tmp_path, story)
