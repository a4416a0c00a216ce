"""`python -m nicmodel` is the command `nicmodel`."""

from __future__ import annotations

import sys

from nicmodel.lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
