"""How `quartet status` prints what runs."""

from collections.abc import Mapping
from typing import Any

from containers.commands.connectors import show_board
from containers.output import show, show_table


def show_status(found: Mapping[str, Any]) -> None:
    """Prints the status for people."""
    show(f"{found['tier']} tier: {_word(found['ready'])}")
    if found["down"]:
        show(f"down: {', '.join(found['down'])}")
    show()
    rows = [(name, _word(service["ready"]), service["url"]) for name, service in found["services"].items()]
    show_table(("service", "state", "address"), rows)
    show()
    away = "" if found["inbox"]["ready"] else ": does not answer"
    show(f"inbox {found['inbox']['url']}, SMTP {found['inbox']['smtp']}{away}")
    show(f"console {found['console']['url'] or 'none'}")
    show()
    if found["connect"]["problem"]:
        show(f"connectors unknown: {found['connect']['problem']}")
    else:
        show_board(found["connectors"])


def _word(is_ready: bool) -> str:
    return "ready" if is_ready else "not ready"
