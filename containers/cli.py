"""The `quartet` command: one function a verb, which reads options and prints what a room below found.

| exit code | meaning                                  |
|-----------|------------------------------------------|
| 0         | done                                     |
| 1         | failed                                   |
| 2         | usage or configuration                   |
| 3         | not ready, or a prerequisite is missing  |

Everything heavy is imported by the verb that needs it: `up` is ready in a second and a half.
"""

import errno
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from apps.web.settings import SettingsInvalid
from containers import settings
from containers.attaching import attach
from containers.engines import EngineAway, NotRunning, PlatformRefused, Tier
from containers.folder import DataFolder
from containers.output import open_streams, say, show, show_json, show_table
from containers.settings import TierName

FAILED, INVALID, NOT_READY = 1, 2, 3

app = typer.Typer(
    name="quartet",
    help="Four account services kept in step by change data capture.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 not ready or something is missing.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _folder(text: str) -> Path:
    if not text:  # to Path that is the current folder, which nobody means
        raise typer.BadParameter("it names no folder.")
    return Path(text)


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise typer.BadParameter(f"{seconds} is no number of seconds.")
    return seconds


Data = Annotated[
    Path | None,
    typer.Option(
        "--data", parser=_folder, metavar="DIR", help="Data folder.  [default: QUARTET_DATA, else .quartet]"
    ),
]
InJSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
AtTier = Annotated[TierName, typer.Option("--tier", help="Where the engines come from.")]
LastTier = Annotated[
    TierName | None,
    typer.Option(
        "--tier", help="Where the engines come from.  [default: as they last did there, else embedded]"
    ),
]
Within = Annotated[
    float,
    typer.Option("--timeout", min=0, callback=_finite, metavar="SECONDS", help="How long to wait."),
]


@app.command()
def up(
    data: Data = None,
    tier: AtTier = "embedded",
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything is ready.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Containers tier: keep the volumes for the next start.")
    ] = False,
) -> None:
    """Start the platform; Ctrl-C or SIGTERM stops it."""
    from containers.commands import up as command

    wanted = replace(settings.load(tier=tier, data=data), keep=keep)
    raise typer.Exit(command.detach(wanted) if detach else command.run(wanted))


@app.command()
def down(
    data: Data = None,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Containers tier: throw away what --keep has kept.")
    ] = False,
) -> None:
    """Stop the platform and wait for its end."""
    from containers.commands.down import stop

    stop(settings.data_folder(data), with_volumes=volumes)
    say("The platform is stopped. Next: quartet up")


@app.command()
def status(data: Data = None, as_json: InJSON = False) -> None:
    """Show what runs, where, and whether it is ready."""
    from containers import status as state
    from containers.commands.status import show_status

    try:
        with _running(data) as tier:
            found = state.status(tier)
    except NotRunning:
        if as_json:
            show_json(state.not_running(_tier_of(None, data)))
        raise
    if as_json:
        show_json(found)
    else:
        show_status(found)
    raise typer.Exit(0 if found["ready"] else NOT_READY)


@app.command()
def demo(data: Data = None, as_json: InJSON = False) -> None:
    """Play the story of one account from end to end."""
    from containers.demo import Step, Story
    from containers.demo import as_json as in_json

    def tell(step: Step) -> None:
        if not as_json:
            show(f"{'FAILED' if step.problem else 'ok':>6}  {step.title}  ({step.took_ms:g} ms)")
            show(f"        {step.sent}")
            show(f"        {step.problem or step.came_back}")

    with _running(data) as tier:
        story, console = Story(tier), tier.urls.get("console")
        steps = story.play(tell)
    result = in_json(story.address, steps)
    if as_json:
        show_json(result)
    elif result["ok"]:
        show(f"{len(steps)} steps in {result['took_ms'] / 1000:.2f} s, every one as it should be.")
        say(f"Next: quartet journey {story.address}")
        if console:
            say(f"  or: {console}/journey?address={story.address}")
    if not result["ok"]:
        say(f"The demo failed at the step {result['failed']}: {steps[-1].problem}.")
        raise typer.Exit(FAILED)


@app.command()
def inbox(
    action: Annotated[
        Literal["list", "show"], typer.Argument(metavar="ACTION", help="list or show.")
    ] = "list",
    mail_id: Annotated[str | None, typer.Argument(metavar="ID", help="Which mail to show.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a mail to the address of --to.")] = False,
    to: Annotated[str | None, typer.Option("--to", metavar="ADDRESS", help="Only mail to it.")] = None,
    link: Annotated[bool, typer.Option("--link", help="Print only the link of the newest mail.")] = False,
    timeout: Within = 30.0,
    data: Data = None,
    as_json: InJSON = False,
) -> None:
    """Show the mails of the development inbox."""
    from containers.commands import inbox as command

    if (action == "show") != (mail_id is not None):
        raise typer.BadParameter("`inbox show` takes the ID of a mail, and `inbox list` none.")
    if wait and not to:
        raise typer.BadParameter("--wait needs the address to wait for: --to ADDRESS.")
    to = command.address_of(to) if to is not None else None
    with _running(data) as tier, command.reading(tier) as client:
        if mail_id is not None:
            command.show_mail(command.read(client, mail_id), as_json=as_json, link_only=link)
        elif wait or link:
            mail = command.newest(client, to, has_link=link, within_seconds=timeout if wait else None)
            command.show_mail(mail, as_json=as_json, link_only=link)
        else:
            command.show_list(client.sent_to(to) if to else client.newest(), as_json=as_json)


@app.command()
def journey(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address of the account.")],
    data: Data = None,
    as_json: InJSON = False,
) -> None:
    """Show what every place knows of one account."""
    from containers.commands import journey as command

    with _running(data) as tier:
        command.run(tier, address, as_json=as_json)


@app.command()
def connectors(
    action: Annotated[
        Literal["list", "pause", "resume", "restart"],
        typer.Argument(metavar="ACTION", help="list, pause, resume or restart."),
    ] = "list",
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The connector to do it to.")] = None,
    data: Data = None,
    as_json: InJSON = False,
) -> None:
    """Show the connectors; pause, resume or restart one."""
    from containers.commands import connectors as command
    from containers.status import board

    if (action == "list") != (name is None):
        raise typer.BadParameter(f"`connectors {action}` takes {'no' if action == 'list' else 'the'} NAME.")
    with _running(data) as tier:
        if name is not None:
            command.act(tier, action, name)
        found = board(tier)
    if as_json:
        show_json(found)
    else:
        command.show_board(found)


@app.command()
def doctor(data: Data = None, tier: LastTier = None, as_json: InJSON = False) -> None:
    """Check this machine and say what to do."""
    from containers.doctor import examine

    wanted = settings.load(tier=_tier_of(tier, data), data=data)
    running_pid = None
    with suppress(NotRunning):
        running_pid = DataFolder(wanted.data).description().pid
    ports = {**wanted.ports, **wanted.chosen_console_port}
    checks = examine(wanted.data, ports, running_pid=running_pid)
    if wanted.tier == "containers":
        from containers.docker.doctor import examine as examine_docker

        checks += examine_docker(is_running=running_pid is not None)
    if as_json:
        show_json([vars(check) for check in checks])
    else:
        show_table(("check", "state", "found"), [(check.name, check.state, check.found) for check in checks])
        for check in checks:
            if check.advice:
                say(f"{check.name}: {check.advice}")
    if any(check.state == "missing" for check in checks):
        raise typer.Exit(NOT_READY)


@app.command()
def config(data: Data = None, tier: LastTier = None, as_json: InJSON = False) -> None:
    """Print every setting with its value and origin."""
    from containers.commands import config as command

    command.run(_tier_of(tier, data), data, as_json=as_json)


def _tier_of(chosen: TierName | None, data: Path | None) -> TierName:
    """The tier that is asked for, else that of the platform that runs or ran last on the data folder."""
    if chosen is None:
        with suppress(SettingsInvalid):  # which who reads all settings tells, with the others
            chosen = DataFolder(settings.data_folder(data)).last_tier()
    return chosen or "embedded"


@contextmanager
def _running(data: Path | None) -> Iterator[Tier]:
    """The platform on the data folder; one that stops answering meanwhile is not ready."""
    import httpx

    try:
        with closing(attach(settings.data_folder(data))) as tier:
            yield tier
    except httpx.TransportError as error:
        raise PlatformRefused(f"The platform does not answer ({type(error).__name__}).") from error
    except httpx.HTTPStatusError as error:
        answer = error.response
        raise PlatformRefused(
            f"{answer.url.copy_with(query=None)} answers {answer.status_code}: {answer.text[:200].strip()}",
            exit_code=FAILED,
        ) from error
    except EngineAway as away:
        raise PlatformRefused(f"{away}: `quartet status` shows what runs.") from away


def run(arguments: Sequence[str]) -> int:
    """Runs the command and returns its exit code."""
    try:
        app(list(arguments), prog_name="quartet")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except SettingsInvalid as invalid:
        say("The settings are not valid:\n" + "\n".join(f"  {problem}" for problem in invalid.problems))
        return INVALID
    except PlatformRefused as refused:
        say(str(refused))
        return refused.exit_code
    return 0


def main() -> None:
    """Runs the command with the arguments of this process, and ends the process."""
    open_streams()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            say("Not all could be written, because the disk is full: free some space and try again.")
        elif error.errno != errno.EPIPE:  # who read the result has seen enough: `quartet journey … | head`
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    sys.exit(code)
