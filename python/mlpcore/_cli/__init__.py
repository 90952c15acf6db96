"""The command line: ``mlpcore``, or ``python -m mlpcore``.

Made with argparse, so that it needs no package: typer's conveniences would make more
of them required, for `info` and `config` too. A command's module is imported when the
parser is made and imports little; what a command needs beside that is imported when it
runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from . import _convert, _info, _options, _output, _predict, _train

DESCRIPTION = "Multilayer perceptrons on the CPU."

EPILOG = """\
`mlpcore COMMAND --help` says more of each. Errors are one line on stderr, with the exit
code 2; after Ctrl-C it is 130.
"""

# What bad input, a missing package or a full disk raise, here and in the libraries.
# Anything else is a fault of mlpcore's, and keeps its traceback.
_EXPECTED = (ArithmeticError, ImportError, MemoryError, OSError, TypeError, ValueError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process if None.

    Returns
    -------
    int
        The exit code: 0; 2 after an error, which is one line on stderr; 130 after
        Ctrl-C; 1 if what reads the output has gone. That of `mlpcore.bench` for it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    verbose = False
    try:
        if arguments[:1] == ["bench"]:  # which has a parser of its own
            from ..bench._command import main as bench

            return bench(arguments[1:], prog="mlpcore bench")
        options = _parser().parse_args(arguments)
        options.arguments = arguments
        verbose = getattr(options, "verbose", False)
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("mlpcore: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Or Python complains again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _EXPECTED as error:
        if verbose:
            traceback.print_exc()
        _output.note(_message(error))
        return 2


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, MemoryError) and not str(error):
        return "out of memory"
    return str(error) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = _options.Parser(
        prog="mlpcore",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    from .._core import build_config

    version = f"mlpcore {build_config()['version']}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (_train, _predict, _info, _convert):
        command.add_parser(commands)
    demo = commands.add_parser(
        "demo",
        help="learn to read handwritten digits, and draw the result",
        description="Train a network on 1,437 scans of handwritten digits, test it on "
        "360 others, and draw what came of it.",
    )
    demo.set_defaults(run=_run_demo)
    demo.add_argument(
        "--out", default="demo", help="folder for the pictures (default: demo)"
    )
    _options.add_verbose(demo)
    commands.add_parser(
        "bench", help="compare with other libraries (python -m mlpcore.bench)"
    )
    config = commands.add_parser(
        "config", help="show how this build was made and what it runs on"
    )
    config.set_defaults(run=_run_config)
    _options.add_verbose(config)
    return parser


def _run_demo(options: argparse.Namespace) -> int:
    from ..demo import run

    run(options.out)
    return 0


def _run_config(options: argparse.Namespace) -> int:
    from ..machine import show_config

    show_config()
    return 0
