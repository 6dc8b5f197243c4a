"""`quartet inbox` where there is no such address, no such mail or no answer."""

import httpx
import pytest

from containers import cli
from containers.commands import inbox
from containers.inbox_client import InboxClient
from containers.tests.fake_platform import FakeTier


@pytest.mark.parametrize("address", ["x y", "not an address", ""])
def test_mail_to_no_address_is_a_usage_error(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether or not a platform runs."""
    assert cli.run(["inbox", "--to", address]) == 2
    assert capsys.readouterr().err == "That is not an e-mail address.\n"


def mails(answer: httpx.Response) -> InboxClient:
    """An inbox that answers every request with this."""
    return InboxClient("http://inbox.test", transport=httpx.MockTransport(lambda request: answer))


def test_a_mail_that_is_not_there_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --wait; the sentence says how to."""
    monkeypatch.setattr(cli, "attach", lambda data: FakeTier())
    nothing = httpx.Response(200, json={"total": 0, "messages": []})
    monkeypatch.setattr(inbox, "reading", lambda tier: mails(nothing))
    for more in ([], ["--to", "ada@x.test"]):
        assert cli.run(["inbox", "--link", *more]) == 1
        assert capsys.readouterr().err == f"{inbox.NO_SUCH_MAIL}\n"


def test_an_answer_that_is_an_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With who gave it; the question may hold an address and is not repeated."""
    monkeypatch.setattr(cli, "attach", lambda data: FakeTier())
    monkeypatch.setattr(inbox, "reading", lambda tier: mails(httpx.Response(503, text="Later.")))
    assert cli.run(["inbox", "--to", "ada@x.test"]) == 1
    assert capsys.readouterr().err == "http://inbox.test/api/v1/search answers 503: Later.\n"
