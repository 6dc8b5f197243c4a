"""Connect's REST API over HTTP: the recorded answers of real Connect, and the topics door."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.web.server import Server, bind
from containers.embedded.rest import create_rest
from containers.embedded.tests.flow import CONFIGS, Flow

GOLDEN = json.loads((Path(__file__).with_name("golden") / "connect-rest.json").read_text(encoding="utf-8"))
NAME = "login-sink-connector"
Talk = Callable[[httpx.AsyncClient], Awaitable[None]]


OF_OUR_OWN = ("lag", "restarts", "parked", "cause")


def serve(flow: Flow, talk: Talk) -> None:
    async def run() -> None:
        app = create_rest(flow.connect, flow.log)
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name]) as http,
        ):
            await talk(http)

    asyncio.run(run())


def golden(request: str, status: int) -> Any:
    return next(e["answer"] for e in GOLDEN if e["request"] == request and e["status"] == status)


def shape(value: Any) -> Any:
    """The names in an answer, without what differs from run to run."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name not in ("trace", "config")}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_answers_are_those_of_real_connect(flow: Flow) -> None:
    """Status, names and, where it does not depend on the run, every value; ours may stand beside them."""
    flow.add()

    async def talk(http: httpx.AsyncClient) -> None:
        about = (await http.get("/")).json()
        assert (about["version"], about.keys()) == ("4.3.1", golden("GET /", 200).keys())
        assert sorted((await http.get("/connectors")).json()) == sorted(CONFIGS)
        info = (await http.get(f"/connectors/{NAME}")).json()
        assert info == golden(f"GET /connectors/{NAME}", 200)
        status = (await http.get(f"/connectors/{NAME}/status")).json()
        assert {"lag": 0, "restarts": 0, "parked": 0, "cause": None}.items() <= status.items()
        ours = shape({name: told for name, told in status.items() if name not in OF_OUR_OWN})
        assert ours == shape(golden(f"GET /connectors/{NAME}/status", 200))
        topics = (await http.get(f"/connectors/{NAME}/topics")).json()
        assert topics == golden(f"GET /connectors/{NAME}/topics", 200)
        offsets = (await http.get(f"/connectors/{NAME}/offsets")).json()
        assert shape(offsets) == shape(golden(f"GET /connectors/{NAME}/offsets", 200))
        sources = (await http.get("/connectors/loginconnector/offsets")).json()["offsets"]
        assert sources[0]["partition"] == {"server": "logindbserver1"}
        unknown = await http.get("/connectors/nosuch/status")
        assert (unknown.status_code, unknown.json()) == (404, golden("GET /connectors/nosuch/status", 404))
        doubled = await http.post("/connectors", json={"name": NAME, "config": CONFIGS[NAME]})
        assert (doubled.status_code, doubled.json()) == (409, golden("POST /connectors", 409))
        strange = await http.post(
            "/connectors", json={"name": "x", "config": {"connector.class": "no.such.Class"}}
        )
        assert strange.status_code == 400
        assert strange.json()["message"][:90] == golden("POST /connectors", 400)["message"][:90]
        malformed = await http.post(
            "/connectors", content="{bad", headers={"content-type": "application/json"}
        )
        assert (malformed.status_code, malformed.json()["error_code"]) == (500, 500)

    serve(flow, talk)


def test_pause_resume_restart_stop(flow: Flow) -> None:
    flow.add()

    async def talk(http: httpx.AsyncClient) -> None:
        async def state() -> str:
            status = (await http.get(f"/connectors/{NAME}/status")).json()
            return str(status["connector"]["state"])

        for verb, expected in (("pause", "PAUSED"), ("resume", "RUNNING"), ("stop", "STOPPED")):
            answer = await http.put(f"/connectors/{NAME}/{verb}")
            assert (answer.status_code, answer.content) == (202, b"")
            assert await state() == expected
        refused = await http.delete("/connectors/loginconnector/offsets")
        assert (refused.status_code, refused.json()["error_code"]) == (400, 400)
        body = {
            "offsets": [
                {"partition": {"kafka_partition": 0, "kafka_topic": "users"}, "offset": {"kafka_offset": 0}}
            ]
        }
        altered = await http.patch(f"/connectors/{NAME}/offsets", json=body)
        assert altered.json() == {"message": "The offsets for this connector have been altered successfully"}
        assert (await http.patch(f"/connectors/{NAME}/offsets", json={"offsets": 7})).status_code == 400
        assert (await http.delete(f"/connectors/{NAME}/offsets")).status_code == 200
        await http.put(f"/connectors/{NAME}/resume")
        restarted = await http.post(f"/connectors/{NAME}/restart?includeTasks=true")
        assert (restarted.status_code, restarted.json()["tasks"][0]["state"]) == (202, "RESTARTING")
        assert (await http.post(f"/connectors/{NAME}/restart")).status_code == 204
        assert (await http.get(f"/connectors/{NAME}/tasks/0/status")).json()["state"] == "RUNNING"

    serve(flow, talk)


def test_connectors_are_made_changed_and_removed(flow: Flow) -> None:
    """What cannot run is refused, with each option and its reason; what ran before goes on."""

    async def talk(http: httpx.AsyncClient) -> None:
        body = {"name": NAME, "config": CONFIGS[NAME], "initial_state": "PAUSED"}
        made = await http.post("/connectors", json=body)
        assert (made.status_code, made.json()["type"]) == (201, "sink")
        overview = (await http.get("/connectors?expand=status&expand=info")).json()
        assert overview[NAME]["status"]["connector"]["state"] == "PAUSED"
        assert overview[NAME]["info"]["config"]["insert.mode"] == "upsert"
        wrong = {**CONFIGS[NAME], "insert.mode": "upsrt", "nonsense": "1"}
        refused = await http.put(f"/connectors/{NAME}/config", json=wrong)
        message = refused.json()["message"]
        assert refused.status_code == 400
        assert "contains the following 2 error(s):" in message
        assert "\ninsert.mode: 'upsrt' is not one of insert, upsert, update" in message
        assert "\nnonsense: is not known: misspelt" in message
        changed = await http.put(f"/connectors/{NAME}/config", json={**CONFIGS[NAME], "tasks.max": 2})
        assert (changed.status_code, changed.json()["config"]["tasks.max"]) == (200, "2")
        named = await http.put(f"/connectors/{NAME}/config", json={**CONFIGS[NAME], "name": "other"})
        assert named.status_code == 400
        assert (await http.delete(f"/connectors/{NAME}")).status_code == 204
        gone = await http.get(f"/connectors/{NAME}")
        assert gone.json() == {"error_code": 404, "message": f"Connector {NAME} not found"}
        assert (await http.put(f"/connectors/{NAME}/config", json=CONFIGS[NAME])).status_code == 201

    serve(flow, talk)


def test_a_configuration_is_checked_without_being_used(flow: Flow) -> None:
    async def talk(http: httpx.AsyncClient) -> None:
        path = "/connector-plugins/JdbcSinkConnector/config/validate"
        good = (await http.put(path, json=CONFIGS[NAME])).json()
        assert good["error_count"] == 0
        bad = (await http.post(path, json={**CONFIGS[NAME], "insert.mode": "upsrt", "x": "1"})).json()
        errors = {c["value"]["name"]: c["value"]["errors"] for c in bad["configs"] if c["value"]["errors"]}
        assert (bad["error_count"], errors.keys()) == (2, {"insert.mode", "x"})
        assert (await http.put("/connector-plugins/None/config/validate", json={})).status_code == 404
        plugins = (await http.get("/connector-plugins")).json()
        assert {plugin["type"] for plugin in plugins} == {"source", "sink"}
        assert (await http.get("/connectors")).json() == []

    serve(flow, talk)


def test_the_topics_door(flow: Flow) -> None:
    """Exact texts in and out; what is put in is carried on like any record."""
    flow.add(NAME)

    async def talk(http: httpx.AsyncClient) -> None:
        assert "users" in (await http.get("/topics")).json()
        records = [{"key": "Zoë", "value": "{not json", "headers": {"a": "b"}}, {"key": None, "value": None}]
        produced = await http.post("/topics/users", json={"records": records})
        assert [entry["offset"] for entry in produced.json()["offsets"]] == [0, 1]
        page = (await http.get("/topics/users/records?offset=0&limit=1")).json()
        (first,) = page
        assert first.pop("timestamp_ms") > 1_700_000_000_000
        assert first == {"offset": 0, "key": "Zoë", "value": "{not json", "headers": {"a": "b"}}
        (second,) = (await http.get("/topics/users/records?offset=1")).json()
        assert (second["key"], second["value"]) == (None, None)
        await asyncio.to_thread(flow.connect.settle)
        assert len((await http.get(f"/topics/dlq.{NAME}/records")).json()) == 2
        for answer, status in (
            (await http.get("/topics/none/records"), 404),
            (await http.post("/topics/none", json={"records": []}), 404),
            (await http.post("/topics/users", json={"records": [{"key": 7}]}), 422),
            (await http.post("/topics/users", json={"records": [{"kye": "x"}]}), 422),
            (await http.get("/topics/users/records?offset=-1"), 400),
        ):
            assert (answer.status_code, answer.json().keys()) == (status, {"error_code", "message"})

    serve(flow, talk)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json", "origin": "https://example.org"}, 403),
        ({"content-type": "application/json", "host": "example.org"}, 403),
        ({"content-type": "application/json; charset=utf-8", "origin": "http://localhost:8088"}, 200),
    ],
)
def test_pages_of_other_sites_are_refused(flow: Flow, headers: dict[str, str], status: int) -> None:
    """A page that a developer visits can reach loopback, and must not write topics."""
    flow.log.create_topic("users")

    async def talk(http: httpx.AsyncClient) -> None:
        answer = await http.post("/topics/users", content='{"records":[]}', headers=headers)
        assert answer.status_code == status

    serve(flow, talk)


def test_what_is_not_there_is_told_in_connect_s_shape(flow: Flow) -> None:
    async def talk(http: httpx.AsyncClient) -> None:
        missing = await http.get("/nothing")
        assert (missing.status_code, missing.json()["error_code"]) == (404, 404)
        wrong = await http.delete("/connectors")
        assert (wrong.status_code, wrong.json()["error_code"]) == (405, 405)
        assert "GET" in wrong.headers["allow"]

    serve(flow, talk)
