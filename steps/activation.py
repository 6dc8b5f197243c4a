"""Links, as people, browsers and mail scanners follow them."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor

from pytest_bdd import parsers, then, when

from steps.answers import REFUSALS, refusal
from steps.client import AS_BROWSER, Client
from steps.waiting import eventually, wait_until
from steps.world import World

PAGE_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def forged(token: str) -> str:
    """The same claims under another signature, in a spelling that is a token's."""
    head, claims, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[0] ^= 1
    return f"{head}.{claims}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def respelled(token: str) -> str:
    """The same bytes, spelled with other unused bits in the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def expires_at(token: str) -> int:
    """The token's expiry in seconds since 1970, read without any check."""
    claims = token.split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])


def claim(token: str, name: str) -> object:
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))[name]


@when(parsers.parse("{name:w} follows the link"))
def follows_the_link(world: World, name: str) -> None:
    world.answers.append(world.client.activate(world.person(name).links[-1]))


@when(parsers.parse("{name:w} follows the first link"))
def follows_the_first_link(world: World, name: str) -> None:
    """Once activation knows of the newer sign-up: what it would answer before is another scenario's."""
    person = world.person(name)
    version = claim(person.links[-1], "pwv")
    eventually(
        lambda: world.platform.tier.documents("password_versions", _id=world.user_id(person)),
        within=10,
        what="activation knows the newest password version",
        accept=lambda found: bool(found) and found[0]["pw_version"] == version,
        timeline=world.timeline(person),
    )
    world.answers.append(world.client.activate(person.links[0]))


@when(parsers.parse("the first link of {name:w} is followed before the newer sign-up is known"))
def first_link_is_followed_at_once(world: World, name: str) -> None:
    """The newer sign-up may be known by now; either answer is right, and neither may activate."""
    world.answers.append(world.client.activate(world.person(name).links[0]))
    assert world.answer.status_code in {200, 410}, world.answer.text


@when(parsers.parse("{name:w} follows the link {number:d} times at once"))
def follows_the_link_at_once(world: World, name: str, number: int) -> None:
    token = world.person(name).links[-1]

    def one(_: int) -> None:
        client = Client(world.platform.tier.urls)
        world.answers.append(client.activate(token))
        client.close()

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(one, range(number)))


@when(parsers.parse("{name:w} opens the link in a browser"))
def opens_in_a_browser(world: World, name: str) -> None:
    world.answers.append(world.client.activate(world.person(name).links[-1], headers=AS_BROWSER))


@when(parsers.parse("{name:w} presses the button"))
def presses_the_button(world: World, name: str) -> None:
    fields = re.findall(r'<input[^>]*name="token"[^>]*value="([^"]+)"', world.answer.text)
    assert fields == [world.person(name).links[-1]]
    world.answers.append(world.client.activate(fields[0], method="POST", headers=AS_BROWSER))


@when(parsers.parse("{name:w} opens a forged link in a browser and presses the button"))
def presses_a_forged_button(world: World, name: str) -> None:
    token = forged(world.person(name).links[-1])
    world.answers.append(world.client.activate(token, method="POST", headers=AS_BROWSER))


@when(parsers.re(r"a mail scanner does a (?P<scan>HEAD|OPTIONS|browser GET) of (?P<name>\w+)'s link"))
def scanner_visits(world: World, scan: str, name: str) -> None:
    method = scan.split()[-1]
    answer = world.client.activate(world.person(name).links[-1], method=method, headers=AS_BROWSER)
    assert answer.status_code == (200 if method == "GET" else 405)


@when(
    parsers.re(
        r"(?P<name>\w+) follows a (?P<kind>forged|malformed|respelled|missing token|token given twice) link"
    )
)
def follows_a_bad_link(world: World, name: str, kind: str) -> None:
    token = world.person(name).links[-1]
    query = {
        "forged": f"?token={forged(token)}",
        "malformed": "?token=not-a-token",
        "respelled": f"?token={respelled(token)}",
        "missing token": "",
        "token given twice": f"?token={token}&token={token}",
    }[kind]
    world.answers.append(world.client.open_activation(query))


@when(parsers.parse("{name:w} follows a link with {other:w}'s session token"))
def follows_a_session_token(world: World, name: str, other: str) -> None:
    world.answers.append(world.client.activate(world.person(other).token))


@when(parsers.parse("{name:w} follows the link after it has expired"))
def follows_an_expired_link(world: World, name: str) -> None:
    token = world.person(name).links[-1]
    wait_until(expires_at(token) + 0.1)
    world.answers.append(world.client.activate(token))


@then(parsers.parse("{name:w} sees a page with one button that changes nothing by being seen"))
def sees_a_page_with_a_button(world: World, name: str) -> None:
    page = world.answer
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert PAGE_HEADERS.items() <= dict(page.headers).items()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.text.count("<button") == 1
    assert "<script" not in page.text
    assert not re.search(r"""(src|href)=["']?https?:""", page.text)


@then(parsers.parse('{name:w} sees a page that says "{word}"'))
def sees_a_page_that_says(world: World, name: str, word: str) -> None:
    assert world.answer.status_code == 200
    assert PAGE_HEADERS.items() <= dict(world.answer.headers).items()
    assert word in world.answer.text.lower()


@then(parsers.re(r"\w+ sees a refusal page with the status of (?P<code>[A-Z_]+)"))
def sees_a_refusal_page(world: World, code: str) -> None:
    assert world.answer.status_code == REFUSALS[code]
    assert world.answer.headers["content-type"].startswith("text/html")
    assert PAGE_HEADERS.items() <= dict(world.answer.headers).items()


@then(parsers.re(r"(?P<name>\w+)'s first activation link is refused with (?P<code>[A-Z_]+)"))
def first_link_is_refused(world: World, name: str, code: str) -> None:
    follows_the_first_link(world, name)
    refusal(world.answer, code)


@then(parsers.parse("{name:w}'s newest activation link activates the account"))
def newest_link_activates(world: World, name: str) -> None:
    world.activate(world.person(name))


@then(parsers.parse("{name:w}'s first activation link activates the account"))
def first_link_activates(world: World, name: str) -> None:
    person = world.person(name)
    answer = world.client.activate(person.links[0])
    assert answer.status_code == 200, answer.text
    world.wait_for_status(person, "ACTIVE")


@then(parsers.parse("both links of {name:w} are of the same password version"))
def links_are_of_one_version(world: World, name: str) -> None:
    assert len({claim(token, "pwv") for token in world.person(name).links}) == 1


@then(parsers.parse("{name:w}'s activation was written and captured once"))
def was_captured_once(world: World, name: str) -> None:
    world.drained()
    user_id = world.user_id(world.person(name))
    rows = world.records("mongoserver1.activate_user_reg_db.active_users", user_id)
    assert [row and row["status"] for row in rows] == ["ACTIVE"]


@then(parsers.parse("{name:w} has no activation document"))
def has_no_document(world: World, name: str) -> None:
    assert world.document(world.person(name)) is None


@then(parsers.parse("{name:w}'s activation document is INACTIVE because of {reason:w}"))
def document_is_inactive(world: World, name: str, reason: str) -> None:
    document = world.document(world.person(name))
    assert document is not None
    assert (document["status"], document["reason"]) == ("INACTIVE", reason)
