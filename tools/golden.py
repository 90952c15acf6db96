"""Print the digests of the golden trainings, and what is not as in their file.

    python tools/golden.py           compare with tests/golden/trainings.json
    python tools/golden.py --write   replace it

They are the bits every machine gives. A change that moves one is to be announced: the
last line printed, "Bits: ...", belongs in the newest section of CHANGELOG.md, beside
what moved and why (CONTRIBUTING.md).
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import mlpcore
from golden_files import (
    fingerprint,
    read_trainings,
    training_digests,
    write_trainings,
)


def main():
    """Run from the command line; the status is 1 if a digest is not the file's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace the file")
    write = parser.parse_args().write
    if mlpcore.isa() == "baseline":
        sys.exit("baseline has bits of its own; this needs fused multiply-add")
    digests = training_digests()
    if write:
        write_trainings(digests)
    wanted = read_trainings()
    for name, digest in digests.items():
        remark = "" if wanted.get(name) == digest else "  not as in the file"
        print(f"{name:14} {digest}{remark}")
    for name in wanted.keys() - digests.keys():
        print(f"{name:14} is in the file only")
    print(f"Bits: {fingerprint()}")
    return int(wanted != digests)


if __name__ == "__main__":
    sys.exit(main())
