"""The client of the Connect REST API against answers that real Connect gave, and the view made of them."""

import json
from typing import Any

import httpx
import pytest

from containers.connectors import (
    LAGGING_RECORDS,
    ConnectClient,
    ConnectorView,
    ConnectRefused,
    ConnectUnreachable,
    TaskView,
    view_of,
)

WORKER = {"worker_id": "connect:8083", "version": "3.6.0.Final"}


def status(connector: str, *tasks: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "login-sink-connector",
        "connector": {"state": connector, **WORKER},
        "tasks": [
            {"id": number, "state": task, **WORKER, **({"trace": "Why\n\tat"} if task == "FAILED" else {})}
            for number, task in enumerate(tasks)
        ],
        "type": "sink",
        **more,
    }


@pytest.mark.parametrize(
    ("given", "state", "cause"),
    [
        (status("RUNNING", "RUNNING"), "RUNNING", None),
        (status("RUNNING", "RUNNING", lag=0), "RUNNING", None),
        (status("RUNNING", "RUNNING", lag=3), "RUNNING", "3 behind"),
        (status("RUNNING", "RUNNING", lag=LAGGING_RECORDS), "LAGGING", f"{LAGGING_RECORDS} behind"),
        (status("RUNNING", "FAILED"), "FAILED", "Why\n\tat"),
        (status("PAUSED", "FAILED"), "FAILED", "Why\n\tat"),
        (status("PAUSED", "PAUSED", lag=7), "PAUSED", "7 behind"),
        (status("RUNNING", "RUNNING", lag=3, cause="database is locked"), "RUNNING", "database is locked"),
        (status("STOPPED"), "STOPPED", None),
        (status("RUNNING", "RESTARTING"), "RESTARTING", None),
        (status("RUNNING"), "UNASSIGNED", None),
        (status("RUNNING", "UNHEARD_OF"), "UNHEARD_OF", None),
        (status("RUNNING", "FAILED", cause="before", away="Kafka is away"), "UNKNOWN", "Kafka is away"),
    ],
)
def test_the_view_is_the_worst_of_all_with_its_cause(
    given: dict[str, Any], state: str, cause: str | None
) -> None:
    """A connector is as well as its worst part."""
    view = view_of(given)
    assert (view.state, view.cause) == (state, cause)


def test_the_view_is_what_the_status_command_prints() -> None:
    """Exactly the fields of the contract, and the type."""
    assert view_of(status("RUNNING", "RUNNING", lag=0, restarts=2)).as_json() == {
        "name": "login-sink-connector",
        "type": "sink",
        "state": "RUNNING",
        "tasks": ({"id": 0, "state": "RUNNING"},),
        "lag": 0,
        "restarts": 2,
        "parked": 0,
        "cause": None,
    }


class Connect:
    """Answers as real Connect did, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = f"{request.method} {request.url.raw_path.decode()}"
        self.asked.append(asked)
        if asked == "GET /connectors?expand=status":
            two = {name: {"status": {**status("RUNNING", "RUNNING"), "name": name}} for name in ("b", "a")}
            return httpx.Response(200, json=two)
        if asked == "GET /connectors":
            return httpx.Response(200, json=["b", "a"])
        if asked == "GET /connectors/a/status":
            return httpx.Response(200, json=status("RUNNING", "RUNNING"))
        if asked == "GET /connectors/a/offsets":
            return httpx.Response(200, json={"offsets": [{"partition": {}, "offset": {"kafka_offset": 3}}]})
        if "nosuch" in asked:
            message = "No status found for connector nosuch"
            return httpx.Response(404, json={"error_code": 404, "message": message})
        if asked == "GET /connectors/a/config":
            return httpx.Response(502, text="<html>")
        return httpx.Response(202)


def client(connect: Any) -> ConnectClient:
    return ConnectClient("http://connect", transport=httpx.MockTransport(connect))


def test_reading_connectors() -> None:
    """Names and views come in the order of the alphabet; status and offsets as Connect gives them."""
    connect = client(Connect())
    assert connect.list() == ["a", "b"]
    views = connect.overview()
    assert [view.name for view in views] == ["a", "b"]
    assert views[0] == ConnectorView("a", "sink", "RUNNING", (TaskView(0, "RUNNING"),), None, 0, 0, None)
    assert connect.status("a")["tasks"][0]["worker_id"] == "connect:8083"
    assert connect.offsets("a") == [{"partition": {}, "offset": {"kafka_offset": 3}}]


def test_steering_connectors() -> None:
    """Each verb is the request that Connect documents; a name is one segment of the path."""
    answering = Connect()
    connect = client(answering)
    connect.pause("a")
    connect.resume("a")
    connect.stop("a b/../c")
    connect.restart("a", only_failed=True)
    connect.forget_offsets("a")
    assert answering.asked == [
        "PUT /connectors/a/pause",
        "PUT /connectors/a/resume",
        "PUT /connectors/a%20b%2F..%2Fc/stop",
        "POST /connectors/a/restart?includeTasks=true&onlyFailed=true",
        "DELETE /connectors/a/offsets",
    ]


def test_errors_are_told_in_connects_words() -> None:
    """Or by their number where something else has answered."""
    connect = client(Connect())
    with pytest.raises(ConnectRefused, match="No status found for connector nosuch") as refused:
        connect.status("nosuch")
    assert refused.value.status == 404
    with pytest.raises(ConnectRefused, match="HTTP 502"):
        connect.config("a")


def test_silence_is_told_with_the_address() -> None:
    """Nobody has to guess what did not answer."""

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ConnectUnreachable, match="http://connect"):
        client(silent).list()


def test_the_address_is_told_without_its_password() -> None:
    """An external Connect may ask for one."""
    answers = httpx.MockTransport(lambda request: httpx.Response(404, text="<html>Not Found</html>"))
    with pytest.raises(ConnectUnreachable, match=r"http://u:\*\*\*@connect is still"):
        ConnectClient("http://u:s3cret@connect", transport=answers).list()


def test_a_worker_that_starts_is_not_there_yet() -> None:
    """The web server answers 404 before Connect's API is in place, without its words (seen with 4.3)."""

    def starting(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, text="<html>Not Found</html>")

    with pytest.raises(ConnectUnreachable, match="http://connect is still starting"):
        client(starting).overview()


def test_the_view_can_be_written_as_json() -> None:
    """Tasks are plain objects there."""
    assert json.loads(json.dumps(view_of(status("RUNNING", "RUNNING")).as_json()))["tasks"] == [
        {"id": 0, "state": "RUNNING"}
    ]
