"""The demo plays the whole story, tells no secret, and names the step at which a platform fails."""

import json

import httpx
import pytest

from containers.demo import Step, Story, as_json
from containers.tests.fake_platform import SECRETS, FakePlatform, FakeTier


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


def play(platform: FakePlatform, **options: float) -> tuple[Story, list[Step]]:
    story = Story(FakeTier(platform), transport=platform.transport(), **options)
    return story, story.play()


def test_the_story_is_played_to_its_end(platform: FakePlatform) -> None:
    """Every chapter is there, in an order in which the refusals come before what lifts them."""
    _, steps = play(platform)
    names = [step.name for step in steps]
    assert [step.problem for step in steps] == [None] * 17
    assert names.index("login_before_activation") < names.index("activate") < names.index("login")
    assert names.index("reset_before_login") < names.index("login") < names.index("reset")
    assert names[-2:] == ["new_password_accepted", "old_password_refused"]


def test_steps_are_told_as_they_end(platform: FakePlatform) -> None:
    """Who watches sees each step at once, not the story at its end."""
    told: list[tuple[str, int]] = []
    story = Story(FakeTier(platform), transport=platform.transport())
    story.play(lambda step: told.append((step.name, len(platform.requests))))
    assert told[0] == ("sign_up", 1)


def test_no_secret_is_told(platform: FakePlatform) -> None:
    """Passwords, tokens and links stay out of the steps and of the JSON."""
    story, steps = play(platform)
    text = json.dumps(as_json(story.address, steps))
    for secret in (*SECRETS, story._password, story._new_password):
        assert secret not in text
    assert "password ***" in text
    assert "?token=***" in text


def test_each_story_has_an_address_of_its_own(platform: FakePlatform) -> None:
    """Two demos on one platform do not meet."""
    assert Story(FakeTier(platform)).address != Story(FakeTier(platform)).address


def test_the_failing_step_is_named(platform: FakePlatform) -> None:
    """A wrong answer ends the story and says what was expected."""
    platform.broken["/api/v1/dev/confirmuserReg"] = httpx.Response(500, json={"code": "INTERNAL"})
    story, steps = play(platform)
    assert steps[-1].name == "look_at_the_link"
    assert steps[-1].problem == "answered 500 where 200 was expected"
    assert as_json(story.address, steps)["failed"] == "look_at_the_link"


def test_the_right_status_with_a_wrong_code_fails(platform: FakePlatform) -> None:
    """A 403 for another reason is no proof that the reset wants a login."""
    platform.broken["/api/v1/dev//resetPW"] = httpx.Response(403, json={"code": "OTHER"})
    assert play(platform)[1][-1].problem == "code is not LOGIN_REQUIRED"


def test_a_mail_that_never_comes_ends_the_story(platform: FakePlatform) -> None:
    """Every wait has a deadline."""
    platform.broken["/api/v1/search"] = httpx.Response(200, json={"total": 0, "messages": []})
    _, steps = play(platform, deadline_seconds=0.02)
    assert (steps[-1].name, steps[-1].problem) == (
        "activation_mail",
        f"a mail to {platform.address} did not happen within 0.02 s",
    )


def test_a_service_that_does_not_answer_ends_the_story(platform: FakePlatform) -> None:
    """No traceback for a service that is down."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    (step,) = Story(FakeTier(platform), transport=httpx.MockTransport(refuse)).play()
    assert step.problem == "no answer: ConnectError"


def test_looking_at_the_link_must_not_activate(platform: FakePlatform) -> None:
    """The check is on the database, not on the page's word."""

    class Eager(FakePlatform):
        def _confirm(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
            self.status = "ACTIVE"
            return httpx.Response(200, html="<form>one button</form>")

    assert play(Eager())[1][-1].problem == "looking at the link activated the account"


def test_a_login_that_is_too_fast_is_tried_again(platform: FakePlatform) -> None:
    """The demo waits as long as the answer says."""
    answers = [httpx.Response(429, headers={"Retry-After": "0"}, json={"code": "TOO_FAST"})]

    class Throttling(FakePlatform):
        def _login(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
            return answers.pop() if answers else super()._login(request, body)

    assert play(Throttling())[1][-1].problem is None


def test_a_platform_that_says_nothing_about_resets_is_fine(platform: FakePlatform) -> None:
    """RESET_ANSWERS=silent answers 202 whether or not there is a login."""

    class Silent(FakePlatform):
        def _reset(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
            return super()._reset(request, body) if self.has_session else httpx.Response(202, json={})

    assert play(Silent())[1][-1].problem is None
