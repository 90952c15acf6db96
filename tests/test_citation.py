"""CITATION.cff has the version that is built, and the date of its release."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def found(pattern, name):
    match = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    return match and match[1]


def test_version_and_date():
    version = found(r"^project\(mlpcore VERSION (\S+)", "CMakeLists.txt")
    assert found(r"^version: (\S+)$", "CITATION.cff") == version
    # None before it is released.
    date = found(rf"^## \[{re.escape(version)}\] - (\S+)$", "CHANGELOG.md")
    assert found(r"^date-released: \"?([-\d]+)\"?$", "CITATION.cff") == date
