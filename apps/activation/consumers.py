"""What activation learns from the topic `users`: the newest password version of each user."""

from collections.abc import Awaitable, Callable, Mapping

from apps.activation import handlers
from apps.activation.handlers import Ports
from apps.events.records import ChangeEvent, PoisonRecord

GROUP = "activation"
USERS = "users"
_LARGEST = 2**63 - 1


def topics(ports: Ports) -> Mapping[str, Callable[[ChangeEvent], Awaitable[None]]]:
    """Maps each topic to the function that takes its events."""

    async def user_changed(event: ChangeEvent) -> None:
        if event.row is not None:  # a tombstone: the user is gone, and its links lead nowhere
            user_id, pw_version = _whole(event.row.get("id")), _whole(event.row.get("pw_version"))
            await handlers.learn_version(user_id, pw_version, ports=ports)

    return {USERS: user_changed}


def _whole(value: object) -> int:
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise PoisonRecord("ROW_INVALID", "id or pw_version is not a positive whole number")
    return value
