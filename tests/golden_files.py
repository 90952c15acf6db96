"""The digests that every machine has to give, and a fingerprint of all of them.

`tools/golden.py` prints and writes them, `tests/test_golden.py` compares.
"""

import hashlib
import json
from pathlib import Path

from bits_networks import CASES, GOLDEN

DIRECTORY = Path(__file__).parent / "golden"
TRAININGS = DIRECTORY / "trainings.json"


def training_digests():
    """Return the digest of each golden training, as this machine computes it."""
    return {name: CASES[name].train()[1] for name in GOLDEN}


def read_trainings():
    """Return the digests of the file."""
    return json.loads(TRAININGS.read_text(encoding="utf-8"))


def write_trainings(digests):
    """Replace the file."""
    TRAININGS.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")


def fingerprint(directory=DIRECTORY):
    """Return 12 hexadecimal digits that change with any of the golden files.

    Names and contents count; how lines end, and the layout of JSON, do not.
    """
    sha = hashlib.sha256()
    for path in sorted(directory.iterdir(), key=lambda path: path.name):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        if path.suffix == ".json":
            content = json.dumps(json.loads(content), sort_keys=True).encode()
        sha.update(f"{path.name} {len(content)}\n".encode() + content)
    return sha.hexdigest()[:12]
