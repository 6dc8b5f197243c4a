"""The map: everything that carries data, drawn from the connector files, and what it is doing now."""

import json
import time

from sanic import HTTPResponse, Request
from sanic.response import redirect

from apps.web.answers import json_answer
from apps.web.operations import Answer, Operation
from apps.web.requests import prefers_html
from containers.console.context import Context
from containers.console.flow import SERVICE_OF, Carrier
from containers.console.pages import page_operation
from containers.console.picture import WIDTH, draw
from containers.console.stories import Stories, StoryPlaying
from containers.console.watch import Position
from containers.threads import in_thread

RECORDS_SHOWN = 20
STREAM_SECONDS = 25
"""An answer may take forty at most: the browser comes back by itself, with where it was."""


class MapPage:
    """The page, its stream of events, and the button that plays a story."""

    def __init__(self, context: Context, stories: Stories) -> None:
        self._context, self._stories = context, stories
        self._picture = draw(context.flow)

    def operations(self) -> list[Operation]:
        return [
            page_operation("/", self._page, "page_map", "The map"),
            Operation(
                method="GET",
                path="/api/look",
                handler=self._look,
                name="look",
                summary="How every service, connector and topic is now",
                answers={200: Answer("The state, in one word and in parts.", {"type": "object"})},
            ),
            Operation(
                method="GET",
                path="/events",
                handler=self._events,
                name="events",
                summary="The same and every record, as they come (Server-Sent Events)",
                description="`since` or Last-Event-ID: the id of the last event that was seen.",
                answers={
                    200: Answer(
                        "Events for a while; come back with the last id.",
                        {"type": "string"},
                        content_type="text/event-stream",
                    )
                },
            ),
            Operation(
                method="POST",
                path="/play",
                handler=self._play,
                name="play",
                summary="Play the story of a new demo user",
                answers={202: Answer("It is playing; the address of its user.", {"type": "object"})},
                refusals=[StoryPlaying],
            ),
        ]

    async def _page(self, request: Request) -> HTTPResponse:
        watch = self._context.watch
        look = await watch.look()
        position = watch.position()
        records = await in_thread(lambda: watch.latest(RECORDS_SHOWN))
        return self._context.pages.page(
            "map.html",
            look=look,
            states={carrier["name"]: carrier for carrier in look["carriers"]},
            carriers=[(carrier, label_of(carrier)) for carrier in self._context.flow.carriers],
            labels={carrier.name: label_of(carrier) for carrier in self._context.flow.carriers},
            picture=self._picture,
            width=WIDTH,
            service_of=SERVICE_OF,
            records=records[::-1],
            since=str(position),
            story=self._stories.address,
        )

    async def _look(self, request: Request) -> HTTPResponse:
        return json_answer(await self._context.watch.look(), no_store=True)

    async def _events(self, request: Request) -> None:
        watch = self._context.watch
        told = request.headers.get("last-event-id") or request.args.get("since", "")
        response = await request.respond(
            content_type="text/event-stream; charset=utf-8", headers={"cache-control": "no-store"}
        )
        await response.send("retry: 250\n\n")
        until = time.monotonic() + STREAM_SECONDS
        async for message in watch.follow(Position.parse(told, watch.topics)):
            await response.send(f"id: {message.position}\ndata: {json.dumps(message.body)}\n\n")
            if time.monotonic() > until or request.app.ctx.is_stopping:
                break
        await response.eof()

    async def _play(self, request: Request) -> HTTPResponse:
        address = self._stories.play()
        if prefers_html(request):
            return redirect("/", status=303)
        return json_answer({"address": address}, 202, no_store=True)


def label_of(carrier: Carrier) -> str:
    """A carrier's name, as short as it fits its box."""
    if carrier.kind != "consumer":
        return carrier.name
    (topic,) = carrier.topics
    return f"{carrier.group} consumes {topic if len(topic) < 20 else topic.rpartition('.')[2]}"
