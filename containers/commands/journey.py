"""The journey of one account as `quartet journey` prints it."""

from datetime import datetime
from typing import Any

from apps.auth.addresses import AddressInvalid, canonical_address
from containers.commands.output import show, show_json, show_table
from containers.engines import PlatformRefused, Tier
from containers.inbox_client import InboxClient
from containers.journey import Journey, follow


def run(tier: Tier, address: str, *, as_json: bool) -> None:
    """Prints all that is known of the account with this address.

    Raises:
        PlatformRefused: nobody knows the address (exit code 1), or it is none (2).
    """
    try:
        canonical = canonical_address(address, allow_test_domains=True)
    except AddressInvalid as invalid:
        raise PlatformRefused("That is not an e-mail address.", exit_code=2) from invalid
    with InboxClient(tier.urls["inbox"]) as inbox:
        journey = follow(tier, canonical, inbox)
    if journey.is_empty:
        raise PlatformRefused(f"Nobody knows {canonical}.", exit_code=1)
    if as_json:
        show_json(in_json(journey))
    else:
        _show(journey)


def in_json(journey: Journey) -> dict[str, Any]:
    """The journey for programs; times are RFC 3339."""
    return {
        "address": journey.address,
        "user_id": journey.user_id,
        "stores": {
            place: [{name: _plain(value) for name, value in row.items()} for row in rows]
            for place, rows in journey.stores.items()
        },
        "timeline": [
            {
                "at": _plain(moment.at),
                "where": moment.where,
                "what": moment.what,
                "facts": {name: _plain(value) for name, value in moment.facts.items()},
                "after_ms": after_ms,
            }
            for moment, after_ms in zip(journey.moments, _gaps(journey), strict=True)
        ],
        "hops": [
            {"from": hop.source, "to": hop.target, "what": hop.what, "took_ms": hop.took_ms}
            for hop in journey.hops
        ],
    }


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
            for moment, after_ms in zip(journey.moments, _gaps(journey), strict=True)
        ],
    )
    if journey.hops:
        show("\nHops")
        hops = [(hop.source, hop.target, hop.what, f"{hop.took_ms:g} ms") for hop in journey.hops]
        show_table(("from", "to", "what", "took"), hops)


def _gaps(journey: Journey) -> list[float]:
    """Milliseconds from the moment before, 0 for the first."""
    times = [moment.at for moment in journey.moments]
    return [
        round((later - earlier).total_seconds() * 1000, 1)
        for earlier, later in zip(times[:1] + times, times, strict=False)
    ]


def _after(after_ms: float) -> str:
    return f"+{after_ms:g} ms" if after_ms < 1000 else f"+{after_ms / 1000:.1f} s"


def _told(facts: Any) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in facts.items() if value is not None)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
