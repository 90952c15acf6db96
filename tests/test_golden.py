"""The bits every machine gives, and that a change of them is announced."""

import json
import re
import shutil
from pathlib import Path

import pytest

import mlpcore
from bits_networks import CASES, GOLDEN
from golden_files import DIRECTORY, TRAININGS, fingerprint, read_trainings
from support import fma_isas

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("isa_name", fma_isas())
def test_trainings(isa_name, name):
    """What every processor, operating system and compiler gives."""
    mlpcore.set_isa(isa_name)
    assert mlpcore.isa() == isa_name
    assert CASES[name].train()[1] == read_trainings()[name]


def test_no_digest_is_left_over():
    assert list(read_trainings()) == GOLDEN
    assert len(set(read_trainings().values())) == len(GOLDEN)


def newest_section(changelog):
    """Return the text from the first heading of a version to the next."""
    return re.split(r"^## ", changelog, flags=re.MULTILINE)[1]


def test_newest_section():
    text = (
        "# Changelog\n\nBits: 0\n\n## [2]\n\nBits: 2\n\n### Fixed\n\n## [1]\n\nBits: 1"
    )
    assert newest_section(text) == "[2]\n\nBits: 2\n\n### Fixed\n\n"


def test_the_changelog_announces_the_bits():
    section = newest_section(CHANGELOG.read_text(encoding="utf-8"))
    announced = re.findall(r"^Bits: (.*)$", section, flags=re.MULTILINE)
    assert announced == [fingerprint()], (
        "the files in tests/golden are not those that CHANGELOG.md announces: its "
        f"newest section must have the one line 'Bits: {fingerprint()}', and has "
        f"{announced}. If a change is meant to move bits, put that line there and say "
        "beside it what moved and why. If it is not, find out why it did; see "
        "CONTRIBUTING.md"
    )


def test_the_newest_section_is_of_this_version():
    name = re.match(r"\[(.*?)\]", newest_section(CHANGELOG.read_text(encoding="utf-8")))
    assert name[1] in ("Unreleased", mlpcore.__version__)


class TestFingerprint:
    @pytest.fixture
    def copy(self, tmp_path):
        return shutil.copytree(DIRECTORY, tmp_path / "golden")

    def test_sees_a_digit_a_name_and_a_file(self, copy):
        prints = [fingerprint(copy)]
        assert prints == [fingerprint()]
        path = copy / TRAININGS.name
        digests = json.loads(path.read_text())
        name = next(iter(digests))
        digests[name] = ("1" if digests[name][0] == "0" else "0") + digests[name][1:]
        path.write_text(json.dumps(digests))
        prints.append(fingerprint(copy))
        path.rename(copy / "renamed.json")
        prints.append(fingerprint(copy))
        (copy / "another.txt").write_text("exp 0123\n")
        prints.append(fingerprint(copy))
        (copy / "another.txt").write_text("exp 0124\n")
        prints.append(fingerprint(copy))
        assert len(set(prints)) == 5
        assert all(re.fullmatch("[0-9a-f]{12}", value) for value in prints)

    def test_does_not_see_the_layout(self, copy):
        (copy / "another.txt").write_bytes(b"exp 0123\nlog 4567\n")
        before = fingerprint(copy)
        path = copy / TRAININGS.name
        backwards = dict(reversed(json.loads(path.read_text()).items()))
        path.write_text(json.dumps(backwards))
        (copy / "another.txt").write_bytes(b"exp 0123\r\nlog 4567\r\n")
        assert fingerprint(copy) == before
