"""`python -m nicmodel` is the command `nicmodel`. Its imports take a while: Ctrl-C during them is told as any other."""

from __future__ import annotations

import sys


def main() -> int:
    """The command, with the arguments of the process; its exit status."""
    try:
        from nicmodel.lab.cli import main as command

        return command()
    except KeyboardInterrupt:  # before the command could ask to be told of it
        print("nicmodel: stopped before anything was measured", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
