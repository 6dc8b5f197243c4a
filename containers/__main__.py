"""The entry point of `python -m containers` and of the `quartet` script."""

import sys


def main() -> None:
    """Runs the `quartet` command; Ctrl-C ends it without a word, also while its imports run."""
    try:
        from containers.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell has it: 128 and the number of the signal


if __name__ == "__main__":
    main()
