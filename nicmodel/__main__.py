"""`python -m nicmodel` is the command `nicmodel`. Its imports take a while: Ctrl-C during them is told as any other."""

from __future__ import annotations

import sys

from nicmodel.lab.endings import INTERRUPTED, NOTHING_MEASURED


def main() -> int:
    """The command, with the arguments of the process; its exit status."""
    try:
        from nicmodel.lab.cli import main as command

        return command()
    except KeyboardInterrupt:  # before the command could ask to be told of it
        print("nicmodel:", NOTHING_MEASURED, file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
