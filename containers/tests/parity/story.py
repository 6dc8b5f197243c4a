"""The story that both tiers are told: every kind of record, row and document that the platform knows.

| person | what happens                                                                                  |
|--------|-----------------------------------------------------------------------------------------------|
| anna   | activates, logs in, is suspended, resets her password, which lifts that; logs in, logs out     |
| bert   | signs up twice before the activation; his suspension ends by itself                            |
| cleo   | uses her link too late, and asks for another one                                               |
| nobody | writes into topics what no sink can convert or write, and no consumer can use                 |

Every chapter ends at rest: so the order of records is the same wherever it is played.
"""

import base64
import json
import re
import time

from containers.engines import Tier
from containers.hops import ACTIVATION_TOPIC, USERS_TOPIC
from containers.polling import pause_for
from containers.tests.parity.people import Answer, People

ANNA, BERT, CLEO = "anna@example.org", "bert@example.org", "cleo@example.org"
PEOPLE = (ANNA, BERT, CLEO)

SETTINGS = {
    "ACTIVATION_TTL_SECONDS": "60",
    "LOGIN_RETRY_SECONDS": "0",
    "LOGIN_SUSPENSION_SECONDS": "40",
}
"""Waits that a test can afford, and long enough for what has to come before their end."""

PASSWORD, OTHER = "a quiet harbour at dawn", "another harbour, by night"
WRONG = "not the password at all"

_ROW = '{"type":"int64","optional":false,"field":"id"},{"type":"string","optional":true,"field":"email"}'
_SCHEMA = f'{{"type":"struct","fields":[{_ROW}],"optional":false,"name":"nobody"}}'

POISON = (
    "{not json",
    "",
    " ",
    "null",
    "[]",
    '{"id":900}',
    '{"schema":{"type":"strange"},"payload":{"id":900}}',
    f'{{"schema":{_SCHEMA},"payload":null}}',
    f'{{"schema":{_SCHEMA},"payload":[]}}',
    f'{{"schema":{_SCHEMA},"payload":{{"email":"nobody"}}}}',
)
"""Values that Connect's converter refuses, each in words of its own."""

TAKEN = f'{{"schema":{_SCHEMA},"payload":{{"id":"900","email":"nobody"}}}}'
"""A value that it takes all the same: an id that is no number is 0, and the key's stands anyway."""

REFUSED = ('"email":7', '"email":"nobody","User_status":"STRANGE"', f'"email":"{"x" * 300}"')
"""Fields that MySQL refuses: null for an address, no word of the ENUM, too long."""

PARKED = {"login-sink-connector": 11, "activation": 12, "signup": 4}
"""Dead letters in the end."""


def play(tier: Tier) -> list[Answer]:
    """Plays it on a fresh platform that runs with SETTINGS; returns every answer that somebody got."""
    people = People(tier)
    try:
        cleo = _cleo_signs_up(people)
        _anna_activates(people)
        _bert_signs_up_twice(people)
        _anna_logs_in(people)
        _anna_is_suspended(people)
        _anna_resets(people)
        _anna_logs_out(people)
        _bert_waits_for_the_end_of_a_suspension(people)
        _cleo_is_late(people, cleo)
        _nobody_poisons(people)
        _nobody_is_refused(people)
    finally:
        people.close()
    return people.answers


def _sign_up(people: People, act: str, email: str, password: str = PASSWORD, **profile: str | None) -> None:
    body = {"email": email, "password": password, **profile}
    people.ask(act, "POST", "signup", "/signup", body=body, expect=202)


def _activate(people: People, act: str, token: str, *, expect: int = 200) -> None:
    people.ask(act, "GET", "activation", "/confirmuserReg", query={"token": token}, expect=expect)


def _log_in(people: People, act: str, address: str, password: str, *, expect: int = 200) -> str:
    body = {"email": address, "password": password}
    answer = people.ask(act, "POST", "login", "/login", body=body, expect=expect)
    return str(answer.json().get("token"))


def _cleo_signs_up(people: People) -> str:
    _sign_up(people, "cleo signs up", CLEO, gender=None)
    link = people.wait_for_link(CLEO, "confirmuserReg")
    people.wait_for_row("login_db", CLEO)
    people.settle()
    return link


def _anna_activates(people: People) -> None:
    profile = {
        "fullName": 'Ann-Zoë \U0001f600 O\'Hara "中文" \\ </b>',
        "address": "Größe 1 / 2 & Co\u00a0KG",
        "phoneNo": "+49 (30) 12-34",
        "gender": "f",
    }
    _sign_up(people, "anna signs up", ANNA, **profile)
    link = people.wait_for_link(ANNA, "confirmuserReg")
    people.wait_for_row("login_db", ANNA, User_status="INACTIVE")
    people.settle()
    _log_in(people, "anna logs in too early", ANNA, PASSWORD, expect=403)
    page = {"query": {"token": link}, "accept": "text/html", "expect": 200}
    people.ask("anna opens the page", "GET", "activation", "/confirmuserReg", **page)  # type: ignore[arg-type]
    _activate(people, "anna activates", link)
    people.wait_for_row("login_db", ANNA, User_status="ACTIVE")
    people.settle()
    _activate(people, "anna activates again", link)
    _activate(people, "somebody forges a link", link[:-4] + "AAAA", expect=400)
    _sign_up(people, "anna signs up when active", ANNA, OTHER)
    people.settle()


def _bert_signs_up_twice(people: People) -> None:
    _sign_up(people, "bert signs up", BERT, OTHER, fullName="Bert")
    first = people.wait_for_link(BERT, "confirmuserReg")
    people.wait_for_row("login_db", BERT, pw_version=1)
    people.settle()
    _sign_up(people, "bert signs up again", BERT, address="Elsewhere")
    second = people.wait_for_link(BERT, "confirmuserReg", 2)
    people.wait_for_row("login_db", BERT, pw_version=2)
    people.settle()
    _activate(people, "bert uses the first link", first, expect=410)
    _activate(people, "bert uses the second link", second)
    people.wait_for_row("login_db", BERT, User_status="ACTIVE")
    people.settle()


def _anna_logs_in(people: People) -> None:
    first = _log_in(people, "anna logs in", ANNA, PASSWORD)
    people.wait_for_row("rpwd_db", ANNA, auth_token=str)
    people.settle()
    second = _log_in(people, "anna logs in again", ANNA, PASSWORD)
    people.settle()
    people.ask("anna lists sessions", "GET", "login", "/sessions", bearer=second, expect=200)
    people.ask("anna shows her session", "GET", "login", "/session", bearer=first, expect=200)
    people.ask("anna ends the other session", "DELETE", "login", "/sessions", bearer=second, expect=204)
    people.ask("the first is dead", "GET", "login", "/session", bearer=first, expect=401)
    people.settle()


def _fail(people: People, name: str, address: str) -> None:
    for number in range(5):
        _log_in(people, f"{name} fails {number + 1}", address, WRONG, expect=401)
    people.wait_for_row("signup_db", address, table="suspended_users", lifted_at=type(None))
    people.settle()


def _anna_is_suspended(people: People) -> None:
    _fail(people, "anna", ANNA)
    _log_in(people, "anna is kept out", ANNA, PASSWORD, expect=401)


def _anna_resets(people: People) -> None:
    people.ask(
        "anna asks for a reset", "POST", "reset_password", "//resetPW", body={"email": ANNA}, expect=202
    )
    link = people.wait_for_link(ANNA, "confirmPWreset")
    query = {"token": link}
    people.ask("anna opens the link", "GET", "reset_password", "/confirmPWreset", query=query, expect=200)

    def choose(act: str, password: str, expect: int) -> None:
        body = {"token": link, "password": password}
        people.ask(act, "POST", "reset_password", "/Process_New_PW", body=body, expect=expect)

    choose("anna chooses too short a password", "short", 400)
    choose("anna chooses a password", OTHER, 200)
    people.wait_for_row("rpwd_db", ANNA, pw_version=2, auth_token=type(None))
    people.wait_for_row("signup_db", ANNA, table="suspended_users", lifted_at=object)
    people.wait(lambda: people.row("signup_db", ANNA, "suspended_users")["lifted_at"], "the suspension's end")
    people.settle()
    choose("anna uses the link again", PASSWORD, 410)


def _anna_logs_out(people: People) -> None:
    _log_in(people, "anna uses the old password", ANNA, PASSWORD, expect=401)
    token = _log_in(people, "anna uses the new password", ANNA, OTHER)
    people.wait_for_row("rpwd_db", ANNA, auth_token=str)
    people.settle()
    people.ask("anna logs out", "POST", "login", "/logout", bearer=token, expect=204)
    people.wait_for_row("rpwd_db", ANNA, auth_token=type(None))
    people.settle()
    people.ask("anna asks too late", "POST", "reset_password", "//resetPW", body={"email": ANNA}, expect=403)


def _bert_waits_for_the_end_of_a_suspension(people: People) -> None:
    _fail(people, "bert", BERT)
    people.wait(lambda: people.row("signup_db", BERT, "suspended_users")["lifted_at"], "the suspension's end")
    people.settle()
    _log_in(people, "bert logs in", BERT, PASSWORD)
    people.wait_for_row("rpwd_db", BERT, auth_token=str)
    people.settle()


def _cleo_is_late(people: People, link: str) -> None:
    part = link.split(".")[1]
    expires_at = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"]
    pause_for(max(0.0, expires_at - time.time()) + 1)
    _activate(people, "cleo is late", link, expect=410)
    people.wait_for_row("signup_db", CLEO, reason_for_inactive="LINK_EXPIRED")
    people.settle()
    people.ask("cleo asks again", "POST", "signup", "/resend", body={"email": CLEO}, expect=202)
    _activate(people, "cleo activates", people.wait_for_link(CLEO, "confirmuserReg", 2))
    people.wait_for_row("login_db", CLEO, User_status="ACTIVE")
    people.settle()


def _nobody_poisons(people: People) -> None:
    """Comes to rest behind what no sink is given: a real one has to be helped past it."""
    tier = people.tier
    newest = [record for record in tier.records(USERS_TOPIC) if record.value is not None][-1]
    nobody = re.sub(r'("payload":{"id":)\d+', r"\g<1>900", newest.key or "")
    for value in POISON:
        tier.produce(USERS_TOPIC, nobody, value)
    tier.produce(USERS_TOPIC, "no key", None)
    people.settle()
    tier.produce(USERS_TOPIC, nobody, TAKEN)
    people.wait_for_row("rpwd_db", "nobody")
    people.settle()
    tier.produce(USERS_TOPIC, nobody, '{"schema":null,"payload":null}')
    tier.produce(USERS_TOPIC, newest.key, f"{newest.value} and more")
    for value in POISON[:4]:
        tier.produce(ACTIVATION_TOPIC, '{"id":900}', value)

    _wait_for_parked(people, **PARKED)
    people.settle()


def _nobody_is_refused(people: People) -> None:
    """One record after the other, each parked before the next: a real sink fails with its whole batch."""
    tier = people.tier
    newest = [record for record in tier.records(USERS_TOPIC) if record.value is not None][-1]
    nobody = re.sub(r'("payload":{"id":)\d+', r"\g<1>900", newest.key or "")
    status = '{"type":"string","optional":true,"field":"User_status"}'
    for number, fields in enumerate(REFUSED):
        schema = _SCHEMA.replace(_ROW, f"{_ROW},{status}" if "User_status" in fields else _ROW)
        tier.produce(USERS_TOPIC, nobody, f'{{"schema":{schema},"payload":{{"id":900,{fields}}}}}')
        _wait_for_parked(people, **{"login-sink-connector": PARKED["login-sink-connector"] + number + 1})
        people.settle()


def _wait_for_parked(people: People, **wanted: int) -> None:
    def look() -> bool | None:
        found = {name: len(people.tier.records(f"dlq.{name}")) for name in wanted}
        return True if found == wanted else None

    people.wait(look, f"dead letters {wanted}")
