"""`python -m containers`: the `quartet` command."""

from containers.cli import main

if __name__ == "__main__":
    main()
