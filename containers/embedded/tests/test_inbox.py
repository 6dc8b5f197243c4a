"""The development inbox from outside: SMTP in, Mailpit's REST shape and pages out, hostile mail harmless."""

import asyncio
import smtplib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.web.server import Server, bind
from containers.embedded.inbox import Inbox


@dataclass
class Post:
    """A running inbox and the two ways to reach it."""

    http: httpx.AsyncClient
    smtp_port: int

    async def send(
        self, mail: EmailMessage | bytes, *, to: str = "ada@x.test", sender: str = "quartet@x.test"
    ) -> None:
        raw = mail if isinstance(mail, bytes) else mail.as_bytes(policy=SMTP)

        def send() -> None:
            with smtplib.SMTP("127.0.0.1", self.smtp_port, local_hostname="localhost") as client:
                client.sendmail(sender, [to], raw)

        await asyncio.to_thread(send)

    async def get(self, path: str, **options: Any) -> Any:
        return (await self.http.get(path, **options)).raise_for_status().json()


def letter(
    subject: str, *, to: str = "ada@x.test", text: str = "Hello", html: str | None = None
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Quartet <quartet@x.test>", to, subject
    mail["Message-ID"] = "<m1@x.test>"
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    return mail


def run(folder: Path, story: Callable[[Post], Awaitable[Any]]) -> Any:
    async def tell() -> Any:
        inbox = Inbox(folder / "inbox.sqlite")
        http, smtp = bind(), bind()
        try:
            await inbox.start(smtp)
            async with Server([(inbox.app, http)]) as server:
                url = server.urls[inbox.app.name]
                async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                    return await story(Post(client, smtp.getsockname()[1]))
        finally:
            await inbox.stop()

    return asyncio.run(tell())


def test_mails_are_listed_newest_first(tmp_path: Path) -> None:
    """start and limit cut the list, total does not change."""

    async def story(post: Post) -> tuple[Any, Any]:
        for number in range(3):
            await post.send(letter(f"Mail {number}"))
        return await post.get("/api/v1/messages"), await post.get("/api/v1/messages?start=1&limit=1")

    everything, cut = run(tmp_path, story)
    assert [message["Subject"] for message in everything["messages"]] == ["Mail 2", "Mail 1", "Mail 0"]
    assert everything["total"] == cut["total"] == 3
    assert [message["Subject"] for message in cut["messages"]] == ["Mail 1"]
    message = everything["messages"][0]
    assert message["From"] == {"Name": "Quartet", "Address": "quartet@x.test"}
    assert message["To"] == [{"Name": "", "Address": "ada@x.test"}]
    assert message["MessageID"] == "m1@x.test"
    assert message["Created"].endswith("Z")


def test_a_search_finds_exactly_one_address(tmp_path: Path) -> None:
    """Neither an address that ends the same nor one that differs in case is another one's."""

    async def story(post: Post) -> list[Any]:
        await post.send(letter("To Ada"), to="ada@x.test")
        await post.send(letter("To Granada", to="granada@x.test"), to="granada@x.test")
        queries = ("to:ada@x.test", 'to:"Ada@X.test"', "to:nobody@x.test")
        return [await post.get("/api/v1/search", params={"query": query}) for query in queries]

    first, second, none = run(tmp_path, story)
    assert first == second
    assert [message["Subject"] for message in first["messages"]] == ["To Ada"]
    assert (first["total"], none["total"], none["messages"]) == (1, 0, [])


def test_a_mail_has_its_text_and_html_exactly(tmp_path: Path) -> None:
    """Long lines and other alphabets arrive as they were written; `latest` is the newest."""
    link = f"http://localhost:4000/api/v1/dev/confirmuserReg?token={'a' * 900}"
    text, html = f"Grüße 🎈\n\n{link}\n", f'<p>Grüße</p><a href="{link}">Activate</a>\n'

    async def story(post: Post) -> tuple[Any, Any]:
        await post.send(letter("Grüße", text=text, html=html))
        listed = await post.get("/api/v1/messages")
        by_id = await post.get(f"/api/v1/message/{listed['messages'][0]['ID']}")
        return by_id, await post.get("/api/v1/message/latest")

    mail, latest = run(tmp_path, story)
    assert mail == latest
    assert (mail["Subject"], mail["Text"], mail["HTML"]) == ("Grüße", text, html)


def test_mails_outlive_the_process_until_they_are_deleted(tmp_path: Path) -> None:
    """They are kept with the data; a body with IDs deletes these, none deletes all."""
    run(tmp_path, lambda post: post.send(letter("One")))

    async def story(post: Post) -> list[int]:
        await post.send(letter("Two"))
        await post.send(letter("Three"))
        listed = await post.get("/api/v1/messages")
        totals = [listed["total"]]
        ids = [listed["messages"][0]["ID"]]
        for body in ({"json": {"IDs": ids}}, {}):
            answer = await post.http.request("DELETE", "/api/v1/messages", **body)
            assert (answer.status_code, answer.text) == (200, "ok")
            totals.append((await post.get("/api/v1/search?query=to:ada@x.test"))["total"])
        return totals

    assert run(tmp_path, story) == [3, 2, 0]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/message/unknown", None, 404),
        ("GET", "/mails/unknown", None, 404),
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/v1/messages?limit=-1", None, 400),
        ("GET", "/api/v1/messages?start=many", None, 400),
        ("GET", "/api/v1/messages?limit=99999999999999999999", None, 400),
        ("GET", "/api/v1/messages?limit=1&limit=2", None, 400),
        ("GET", "/api/v1/search", None, 400),
        ("GET", "/api/v1/search?query=subject:x", None, 400),
        ("GET", "/api/v1/search?query=to:", None, 400),
        ("DELETE", "/api/v1/messages", b'{"IDs": 3}', 400),
        ("PUT", "/api/v1/chaos", b'{"Sender": {"Probability": 101}}', 400),
        ("PUT", "/api/v1/chaos", b"[]", 400),
        ("POST", "/api/v1/messages", b"", 405),
    ],
)
def test_bad_input_is_refused(
    tmp_path: Path, method: str, path: str, body: bytes | None, status: int
) -> None:
    """Every refusal is a problem of the client's, and names it."""

    async def story(post: Post) -> httpx.Response:
        headers = {"content-type": "application/json"} if body else {}
        return await post.http.request(method, path, content=body, headers=headers)

    answer = run(tmp_path, story)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused(tmp_path: Path, host: str) -> None:
    """A page of another site that has rebound its name to loopback reads nothing and deletes nothing."""

    async def story(post: Post) -> list[int]:
        await post.send(letter("Secret"))
        asked = [("GET", "/api/v1/messages"), ("GET", "/"), ("DELETE", "/api/v1/messages")]
        answers = [await post.http.request(method, path, headers={"host": host}) for method, path in asked]
        assert all("Secret" not in answer.text for answer in answers)
        assert (await post.get("/api/v1/messages"))["total"] == 1
        return [answer.status_code for answer in answers]

    assert set(run(tmp_path, story)) <= {400, 403}


def test_the_pages_show_hostile_mail_as_text(tmp_path: Path) -> None:
    """Markup in headers and text is escaped, and only a web address becomes a button."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    mail = letter(evil, text=f"{evil}\njavascript:alert(1)\nhttps://x.test/?a=1&b=\"'><b>\n")

    async def story(post: Post) -> tuple[httpx.Response, httpx.Response]:
        await post.send(mail, to="ada@x.test")
        (message,) = (await post.get("/api/v1/messages"))["messages"]
        return await post.http.get("/"), await post.http.get(f"/mails/{message['ID']}")

    for page in run(tmp_path, story):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert 'href="javascript' not in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
    assert 'href="https://x.test/?a=1&amp;b=&#34;&#39;&gt;&lt;b&gt;"' in page.text
    assert 'sandbox="' not in page.text  # no HTML part, no frame


def test_the_html_of_a_mail_is_shown_without_rights(tmp_path: Path) -> None:
    """Its frame may load nothing and run nothing, and its policy says so even when it is opened by itself."""
    html = "<html><head><title>x</title></head><body><script>alert(1)</script></body></html>"

    async def story(post: Post) -> tuple[httpx.Response, httpx.Response]:
        await post.send(letter("HTML", html=html))
        (message,) = (await post.get("/api/v1/messages"))["messages"]
        return await post.http.get(f"/mails/{message['ID']}"), await post.http.get(
            f"/mails/{message['ID']}/html"
        )

    page, frame = run(tmp_path, story)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "alert(1)" not in page.text
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert not {"script-src", "connect-src", "allow-scripts", "allow-same-origin", "http"} & set(
        policy.split()
    )
    assert '<head><base target="_blank">' in frame.text


def test_the_list_page_filters_and_turns_pages(tmp_path: Path) -> None:
    """Its form asks for one address; older mails are one link away."""

    async def story(post: Post) -> list[str]:
        await post.send(letter("To Ada"))
        await post.send(letter("To Bob", to="bob@x.test"), to="bob@x.test")
        return [
            (await post.http.get(path)).text for path in ("/", "/?to=bob@x.test", "/?start=1", "/?start=x")
        ]

    everything, filtered, second, odd = run(tmp_path, story)
    assert everything.index("To Bob") < everything.index("To Ada")
    assert "To Ada" not in filtered
    assert "To Bob" not in second
    assert "To Bob" in odd


@pytest.mark.parametrize("path", ["/inbox.css", "/inbox.js"])
def test_style_and_script_are_our_own(tmp_path: Path, path: str) -> None:
    """They are served from here, with their type."""
    answer = run(tmp_path, lambda post: post.http.get(path))
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
    assert answer.headers["content-type"].startswith("text/")


def test_chaos_refuses_mail_until_it_is_over(tmp_path: Path) -> None:
    """What is refused is not kept; without triggers everything is taken again."""

    async def story(post: Post) -> list[int]:
        totals = []
        outage = {"Sender": {"ErrorCode": 451, "Probability": 100}}
        assert (await post.http.put("/api/v1/chaos", json=outage)).json()["Sender"] == outage["Sender"]
        with pytest.raises(smtplib.SMTPSenderRefused):
            await post.send(letter("Refused"))
        await post.http.put("/api/v1/chaos", json={"Recipient": {"ErrorCode": 550, "Probability": 100}})
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await post.send(letter("Refused"))
        totals.append((await post.get("/api/v1/messages"))["total"])
        await post.http.put("/api/v1/chaos", json={})
        await post.send(letter("Taken"))
        totals.append((await post.get("/api/v1/messages"))["total"])
        return totals

    assert run(tmp_path, story) == [0, 1]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00 not a mail at all",
        b'Subject: =?utf-8?B?////?=\r\nFrom: <<>>,,"\r\nTo: @@@\r\n\r\n\xff\xff',
        b"Subject: x\r\nContent-Type: text/plain; charset=no-such-charset\r\n\r\nhello",
        b"Subject: x\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"Subject: x\r\nMessage-ID: <[\r\n\r\n",
        b"To: " + b'"' * 500 + b"\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"x",
    ],
)
def test_a_mail_that_is_no_mail_is_kept_all_the_same(tmp_path: Path, raw: bytes) -> None:
    """Nothing that SMTP carries makes the inbox fail, list or page."""

    async def story(post: Post) -> list[int]:
        await post.send(raw)
        mail_id = (await post.get("/api/v1/messages"))["messages"][0]["ID"]
        paths = (f"/api/v1/message/{mail_id}", "/", f"/mails/{mail_id}", f"/mails/{mail_id}/html")
        return [(await post.http.get(path)).status_code for path in paths]

    assert run(tmp_path, story) == [200] * 4


def test_a_notice_comes_from_nobody(tmp_path: Path) -> None:
    """The null sender of SMTP is an empty address, as Mailpit has it."""

    async def story(post: Post) -> Any:
        await post.send(b"Subject: Returned\r\n\r\nx", sender="")
        return (await post.get("/api/v1/messages"))["messages"][0]["From"]

    assert run(tmp_path, story) == {"Name": "", "Address": ""}


def test_stopping_cuts_open_connections(tmp_path: Path) -> None:
    """A client that stays silent does not hold the inbox up."""

    async def story(post: Post) -> smtplib.SMTP:
        return await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", post.smtp_port, "localhost")

    client = run(tmp_path, story)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()
