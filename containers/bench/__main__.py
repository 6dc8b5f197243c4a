"""`python -m containers.bench [CASE …] [--json]`."""

import argparse
import json
import sys

from containers.bench.console import console
from containers.bench.counting import counts
from containers.bench.figures import Case
from containers.bench.logins import cheap_under_hash, hash_login, overload_2x
from containers.bench.propagation import propagate
from containers.bench.real_engines import real
from containers.bench.signups import signup
from containers.bench.starting import cold_start, memory

CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        hash_login,
        cheap_under_hash,
        overload_2x,
        signup,
        propagate,
        cold_start,
        memory,
        console,
        counts,
    )
}
NEED_DOCKER: dict[str, Case] = {"real": real}
"""Run when they are named."""


def main() -> int:
    """Runs the named cases, or all; exit code 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m containers.bench", description=__doc__)
    parser.add_argument("case", nargs="*", help=", ".join([*CASES, *NEED_DOCKER]))
    parser.add_argument("--json", action="store_true", help="one object a line")
    arguments = parser.parse_args()
    known = {**CASES, **NEED_DOCKER}
    unknown = [name for name in arguments.case if name not in known]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(known)}")
    missed = False
    for name in arguments.case or CASES:
        for figure in known[name]():
            missed = missed or figure.ok is False
            print(json.dumps(figure.as_json()) if arguments.json else figure.as_line(), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
