"""Break it: switches for faults, and what came of each, second by second."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sanic import HTTPResponse, Request
from sanic.response import redirect

from apps.auth.errors import FieldError, ValidationFailed
from apps.web.answers import json_answer
from apps.web.operations import Answer, Operation
from apps.web.requests import prefers_html
from containers.console.context import Context
from containers.console.experiments import Experiment, ExperimentRunning, Experiments, ExperimentUnknown
from containers.console.faults import FaultRefused, Faults
from containers.console.pages import page_operation
from containers.engines import EngineAway
from containers.threads import in_thread

SWITCHES = (
    ("pause", "Pause a connector", "What it would carry waits; nothing is lost, and people are not told."),
    ("smtp", "Refuse every mail", "Mails wait in the outbox and are sent when the server takes them again."),
    (
        "kill",
        "Kill a part",
        "Its container ends at once. Services answer 503 for what they cannot do without it.",
    ),
    ("replay", "Replay a topic from the start", "A sink writes every row again; the rows stay as they are."),
    ("duplicate", "Send a duplicate", "The newest record comes twice; consumers and sinks notice nothing."),
    (
        "late",
        "Send a late record",
        "An older state of an account comes after a newer one: password, status and suspension stay.",
    ),
    ("poison", "Send a poison record", "No JSON: whoever reads it parks it with its reason and goes on."),
)


class BreakPage:
    """The switches and the experiments that they begin."""

    def __init__(self, context: Context, experiments: Experiments) -> None:
        self._context, self._experiments = context, experiments
        self._faults = Faults(context.tier, context.flow)

    def operations(self) -> list[Operation]:
        refusals = [ValidationFailed, ExperimentRunning, ExperimentUnknown]
        answers = {202: Answer("The experiment, as it begins.", {"type": "object"})}
        return [
            page_operation("/break", self._page, "page_break", "Switches that break something"),
            Operation(
                method="GET",
                path="/api/experiments",
                handler=self._list,
                name="experiments",
                summary="What was broken, what happened, and how long healing took",
                answers={200: Answer("All experiments, newest first.", {"type": "array"})},
            ),
            Operation(
                method="POST",
                path="/break/{kind}",
                handler=self._break,
                name="break",
                summary="Break something (form or query: target)",
                answers=answers,
                refusals=refusals,
            ),
            Operation(
                method="POST",
                path="/experiments/{number}/mend",
                handler=self._mend,
                name="mend",
                summary="Undo what an experiment has broken",
                answers={202: Answer("It is being mended.", {"type": "object"})},
                refusals=refusals,
            ),
        ]

    async def _page(self, request: Request) -> HTTPResponse:
        try:
            offered = await in_thread(self._faults.offered)
        except EngineAway:
            offered = {}
        await self._context.watch.look()
        return self._context.pages.page(
            "break.html",
            switches=[(*switch, offered[switch[0]]) for switch in SWITCHES if switch[0] in offered],
            cannot_kill="kill" not in offered,
            experiments=[one.as_json() for one in self._experiments.newest_first()],
            since=str(self._context.watch.position()),
        )

    async def _list(self, request: Request) -> HTTPResponse:
        return json_answer([one.as_json() for one in self._experiments.newest_first()], no_store=True)

    async def _break(self, request: Request, kind: str) -> HTTPResponse:
        form: Mapping[str, Any] = request.form or {}
        target = str(request.args.get("target") or form.get("target") or "")
        try:
            fault = await in_thread(partial(self._faults.fault, kind, target))
        except (FaultRefused, EngineAway) as refused:
            raise ValidationFailed([FieldError("/target", "FIELD_INVALID", str(refused))]) from refused
        return self._answer(request, self._experiments.begin(fault))

    async def _mend(self, request: Request, number: str) -> HTTPResponse:
        if not (number.isascii() and number.isdecimal() and len(number) < 9):
            raise ExperimentUnknown
        self._experiments.mend(int(number))
        return self._answer(request, None)

    def _answer(self, request: Request, begun: Experiment | None) -> HTTPResponse:
        if prefers_html(request):
            return redirect("/break#experiments", status=303)
        return json_answer(begun.as_json() if begun else {}, 202, no_store=True)
