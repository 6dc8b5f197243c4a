"""The journey of one account as `quartet journey` prints it."""

from typing import Any

from containers.commands.inbox import address_of
from containers.engines import PlatformRefused, Tier
from containers.inbox_client import InboxClient
from containers.journey import Journey, follow, plain
from containers.output import show, show_json, show_table


def run(tier: Tier, address: str, *, as_json: bool) -> None:
    """Prints all that is known of the account with this address.

    Raises:
        PlatformRefused: nobody knows the address (exit code 1), or it is none (2).
    """
    canonical = address_of(address)
    with InboxClient(tier.urls["inbox"]) as inbox:
        journey = follow(tier, canonical, inbox)
    if journey.is_empty:
        raise PlatformRefused(f"Nobody knows {canonical}.", exit_code=1)
    if as_json:
        show_json(journey.as_json())
    else:
        _show(journey)


def _show(journey: Journey) -> None:
    known = "no account" if journey.user_id is None else f"user {journey.user_id}"
    show(f"{journey.address}: {known}")
    if journey.stores:
        show("\nWhere it stands")
        rows = [(place, _told(row)) for place, rows in journey.stores.items() for row in rows]
        show_table(("place", "now"), rows)
    show("\nWhat happened")
    show_table(
        ("at", "after", "where", "what", "facts"),
        [
            (
                moment.at.strftime("%H:%M:%S.%f")[:-3],
                _after(after_ms),
                moment.where,
                moment.what,
                _told(moment.facts),
            )
            for moment, after_ms in zip(journey.moments, journey.gaps_ms, strict=True)
        ],
    )
    if journey.hops:
        show("\nHops")
        hops = [(hop.source, hop.target, hop.what, f"{hop.took_ms:g} ms") for hop in journey.hops]
        show_table(("from", "to", "what", "took"), hops)


def _after(after_ms: float) -> str:
    return f"+{after_ms:g} ms" if after_ms < 1000 else f"+{after_ms / 1000:.1f} s"


def _told(facts: Any) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in facts.items() if value is not None)
