"""The inbox shows hostile mail harmlessly, and visits no link but the platform's own."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from apps.web.operations import Operation
from containers.console.inbox_page import InboxPage
from containers.console.scanner import MOST_REDIRECTS, service_of
from containers.console.tests.asking import (
    EVIL,
    AwayTier,
    ask,
    assert_harmless,
    context_of,
    inbox_of,
    silent,
)
from containers.tests.fake_platform import FakePlatform, FakeTier

ADDRESS = "ada@example.org"
LINK = "http://activation.test/api/v1/dev/confirmuserReg?token=LINK-TOKEN"

Answering = Callable[[httpx.Request], httpx.Response]


class Service:
    """What answers behind the links, and what it was asked."""

    def __init__(self, answer: Answering = lambda request: httpx.Response(200, html="<form>")) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def open(self) -> httpx.Client:
        def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append((request.method, str(request.url)))
            assert request.headers["accept"].startswith("text/html"), "asked as a browser asks"
            return self.answer(request)

        return httpx.Client(transport=httpx.MockTransport(handle))


@pytest.fixture
def tier() -> FakeTier:
    """Ada has signed up."""
    tier = FakeTier()
    tier.tables = {
        "signup_db.users": [{"id": 7, "email": ADDRESS, "User_status": "INACTIVE", "pw_version": 1}],
        "rpwd_db.users": [{"id": 7, "email": ADDRESS, "chosen_version": None}],
    }
    return tier


@pytest.fixture
def platform() -> FakePlatform:
    platform = FakePlatform()
    platform.deliver(f"Hello {EVIL}", LINK, to=ADDRESS)
    return platform


def pages(
    tier: FakeTier, inbox: FakePlatform | httpx.BaseTransport, service: Service | None = None
) -> list[Operation]:
    transport = inbox.transport() if isinstance(inbox, FakePlatform) else inbox
    page = InboxPage(context_of(tier), inbox_of(transport), (service or Service()).open, watch_seconds=0.25)
    return page.operations()


def scan(
    tier: FakeTier, platform: FakePlatform, service: Service, kind: str = "get", mail: str = "mail1"
) -> httpx.Response:
    return ask(pages(tier, platform, service), f"/inbox/{mail}/scan", "POST", data={"kind": kind})


def test_the_list_shows_hostile_mails_as_text(tier: FakeTier, platform: FakePlatform) -> None:
    """Each leads to its page, and each recipient to its journey."""
    platform.deliver("Two", None, to=f'{EVIL}"@x.test')
    answer = ask(pages(tier, platform), "/inbox")
    assert answer.status_code == 200
    assert_harmless(answer)
    assert "2 mails" in answer.text
    assert answer.text.index('href="/inbox/mail2"') < answer.text.index('href="/inbox/mail1"')
    assert 'href="/journey?address=ada%40example.org"' in answer.text
    assert "&lt;script&gt;" in answer.text


def test_the_list_is_searched_by_recipient(tier: FakeTier, platform: FakePlatform) -> None:
    """Exactly one address, in any case."""
    platform.deliver("To Bob", None, to="bob@example.org")
    answer = ask(pages(tier, platform), "/inbox?to=Bob@Example.org")
    assert ("mail2" in answer.text, "mail1" in answer.text) == (True, False)
    assert "1 mail to Bob@Example.org" in answer.text
    nothing = ask(pages(tier, platform), "/inbox?to=nobody@example.org")
    assert "Nothing has arrived for this address" in nothing.text


def test_a_search_for_no_address_says_so(tier: FakeTier, platform: FakePlatform) -> None:
    """With what to give instead; what was given is text."""
    answer = ask(pages(tier, platform), f"/inbox?to={EVIL}")
    assert (answer.status_code, "That is not an e-mail address" in answer.text) == (422, True)
    assert_harmless(answer)


def test_a_mail_is_shown_as_text_with_its_link_as_a_button(tier: FakeTier, platform: FakePlatform) -> None:
    """Its HTML is only in a frame without rights."""
    platform.mails[0] |= {"HTML": "<script>alert(2)</script>", "Text": f"{EVIL}\n{LINK}&a=\"'><b>\n"}
    answer = ask(pages(tier, platform), "/inbox/mail1")
    assert answer.status_code == 200
    assert_harmless(answer)
    assert "alert(2)" not in answer.text
    assert (
        f'href="{LINK}&amp;a=&#34;&#39;&gt;&lt;b&gt;" target="_blank" rel="noopener noreferrer"'
        in answer.text
    )
    frame = 'src="/inbox/mail1/html" sandbox="allow-popups allow-popups-to-escape-sandbox"'
    assert frame in answer.text
    assert "It leads to activation." in answer.text


def test_the_html_of_a_mail_has_no_rights(tier: FakeTier, platform: FakePlatform) -> None:
    """It may load nothing and run nothing even when it is opened by itself."""
    platform.mails[0]["HTML"] = "<html><head></head><script>alert(1)</script></html>"
    frame = ask(pages(tier, platform), "/inbox/mail1/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert not {"script-src", "connect-src", "allow-scripts", "allow-same-origin", "http"} & set(
        policy.split()
    )
    assert frame.headers["referrer-policy"] == "no-referrer"
    assert '<head><base target="_blank">' in frame.text


def test_a_notice_offers_nothing_to_scan(tier: FakeTier, platform: FakePlatform) -> None:
    """It has no link."""
    platform.deliver("Notice", None, to=ADDRESS)
    answer = ask(pages(tier, platform), "/inbox/mail2")
    assert ('class="button"' in answer.text, "<form" in answer.text) == (False, False)
    assert scan(tier, platform, Service(), mail="mail2").status_code == 422


@pytest.mark.parametrize("path", ["/inbox/mail9", "/inbox/..%2fmessages", "/inbox/a%20b"])
def test_a_mail_that_is_not_there_is_a_page(tier: FakeTier, platform: FakePlatform, path: str) -> None:
    """Also for an id that can be none; the inbox is not asked for that."""
    platform.broken["/api/v1/message/mail9"] = httpx.Response(404)
    answer = ask(pages(tier, platform), path)
    assert (answer.status_code, "There is no such mail" in answer.text) == (404, True)
    assert {asked for _, asked in platform.requests} <= {"/api/v1/message/mail9"}


def test_a_platform_without_an_inbox_says_so(tier: FakeTier) -> None:
    """With what to do; one mail of it cannot be shown."""
    listed = ask(pages(tier, silent()), "/inbox")
    assert (listed.status_code, "No inbox answers" in listed.text) == (200, True)
    assert "INBOX_URL" in listed.text
    one = ask(pages(tier, silent()), "/inbox/mail1")
    assert (one.status_code, "No inbox answers" in one.text) == (503, True)
    posted = ask(pages(tier, silent()), "/inbox/mail1/scan", "POST", data={"kind": "get"})
    assert posted.status_code == 503


@pytest.mark.parametrize(("kind", "method"), [("head", "HEAD"), ("get", "GET"), ("follow", "GET")])
def test_a_scan_that_changes_nothing_says_so(
    tier: FakeTier, platform: FakePlatform, kind: str, method: str
) -> None:
    """With the answer and its headers; the token stands in the mail's text and in its button, not there."""
    headers = {"cache-control": "no-store", "x-other": "hidden"}
    service = Service(lambda request: httpx.Response(405, headers=headers))
    answer = scan(tier, platform, service, kind)
    assert answer.status_code == 200
    assert service.asked == [(method, LINK)]
    assert "CHANGED NOTHING" in answer.text
    assert "405 Method Not Allowed" in answer.text
    assert ("no-store" in answer.text, "hidden" in answer.text) == (True, False)
    assert f"{method} http://activation.test/api/v1/dev/confirmuserReg?token=***" in answer.text
    assert_harmless(answer)


def test_a_scan_tells_what_it_changed(tier: FakeTier, platform: FakePlatform) -> None:
    """A service that acts when it is looked at is found out."""

    def activate(request: httpx.Request) -> httpx.Response:
        tier.tables["signup_db.users"][0]["User_status"] = "ACTIVE"
        tier.tables["rpwd_db.users"][0]["chosen_version"] = 2
        return httpx.Response(200)

    answer = scan(tier, platform, Service(activate))
    assert "<b>CHANGED</b>" in answer.text
    assert "User_status in signup_db: INACTIVE → ACTIVE" in answer.text
    assert "chosen_version in rpwd_db: none yet → 2" in answer.text


def test_a_change_that_comes_late_is_seen(tier: FakeTier, platform: FakePlatform) -> None:
    """Change data capture takes a while from one store to the next."""
    looks: list[str] = []

    class Late(FakeTier):
        def rows(self, database: str, table: str, **equals: Any) -> list[dict[str, Any]]:
            looks.append(table)
            if len(looks) > 7:
                self.tables["signup_db.users"][0]["User_status"] = "ACTIVE"
            return super().rows(database, table, **equals)

    late = Late()
    late.tables = tier.tables
    assert "INACTIVE → ACTIVE" in scan(late, platform, Service()).text


@pytest.mark.parametrize(
    "link",
    [
        "http://evil.test/confirm",
        "https://activation.test/",
        "http://activation.test:81/",
        "http://activation.test@evil.test/",
        "http://evil@activation.test/",
        "http://activation.test.evil.test/",
        "http://inbox.test/api/v1/message/latest",
        "http://connect.test/connectors",
        "http://169.254.169.254/",
        "http://activation.test:port/",
    ],
)
def test_a_link_to_anywhere_else_is_refused(tier: FakeTier, link: str) -> None:
    """A mail is anybody's; the console is no way into another network. Engines are no services either."""
    platform = FakePlatform()
    platform.deliver("Evil", link, to=ADDRESS)
    service = Service()
    answer = scan(tier, platform, service)
    assert (answer.status_code, service.asked) == (422, [])
    assert "Only links to the services of this platform" in answer.text
    shown = ask(pages(tier, platform), "/inbox/mail1")
    assert "It leads away from this platform." in shown.text
    assert "<form" not in shown.text


def test_links_to_services_are_known(tier: FakeTier) -> None:
    """Each by its own address."""
    assert service_of(tier, LINK) == "activation"
    assert service_of(tier, "http://reset_password.test/x") == "reset_password"
    assert service_of(tier, "http://SIGNUP.test:80/x") == "signup"


def test_a_redirect_within_the_platform_is_followed(tier: FakeTier, platform: FakePlatform) -> None:
    """Only by the button that says so."""

    def redirect(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/done":
            return httpx.Response(200)
        return httpx.Response(303, headers={"location": "/done?token=OTHER-TOKEN"})

    service = Service(redirect)
    answer = scan(tier, platform, service, "follow")
    assert service.asked == [("GET", LINK), ("GET", "http://activation.test/done?token=OTHER-TOKEN")]
    assert "OTHER-TOKEN" not in answer.text
    once = Service(redirect)
    scan(tier, platform, once, "get")
    assert once.asked == [("GET", LINK)]


def test_a_redirect_away_is_not_followed(tier: FakeTier, platform: FakePlatform) -> None:
    """The reason stands beside what was asked until then."""
    service = Service(lambda request: httpx.Response(302, headers={"location": "http://evil.test/"}))
    answer = scan(tier, platform, service, "follow")
    assert service.asked == [("GET", LINK)]
    assert "leads away from the platform: not followed" in answer.text


def test_redirects_without_end_are_left(tier: FakeTier, platform: FakePlatform) -> None:
    """As scanners leave them."""
    service = Service(lambda request: httpx.Response(302, headers={"location": LINK}))
    answer = scan(tier, platform, service, "follow")
    assert len(service.asked) == MOST_REDIRECTS + 1
    assert "no further one is followed" in answer.text


def test_a_service_that_is_away_is_told(tier: FakeTier, platform: FakePlatform) -> None:
    """A scanner gets no answer then, and nothing changes."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    answer = scan(tier, platform, Service(away))
    assert (answer.status_code, "no answer (ConnectError)" in answer.text) == (200, True)


def test_an_account_that_cannot_be_looked_at_is_not_scanned(platform: FakePlatform) -> None:
    """Nobody could say what the scan changed."""
    service = Service()
    answer = scan(AwayTier(), platform, service)
    assert (answer.status_code, service.asked) == (503, [])
    assert "login_db does not answer" in answer.text


def test_a_kind_that_is_none_is_refused(tier: FakeTier, platform: FakePlatform) -> None:
    """Nothing is asked."""
    service = Service()
    assert (scan(tier, platform, service, "post").status_code, service.asked) == (400, [])
