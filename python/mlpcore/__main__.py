"""The command line: ``python -m mlpcore demo``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process if None.

    Returns
    -------
    int
        The exit code: 0, or 2 if something the command needs is missing.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mlpcore", description="Multilayer perceptrons on the CPU."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="learn to read handwritten digits, and draw the result"
    )
    demo.add_argument(
        "--out", default="demo", help="folder for the pictures (default: demo)"
    )
    arguments = parser.parse_args(argv)

    from .demo import run

    try:
        run(arguments.out)
    except ImportError as error:
        print(f"mlpcore: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
