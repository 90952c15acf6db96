"""Count the instructions of a few small cases, and compare with those on file.

    python tools/count_instructions.py build/release/bench/cpp/instruction_cases
    python tools/count_instructions.py ... --write       replace the counts on file
    python tools/count_instructions.py ... --require     fail if there are none

A clock on a shared machine cannot tell 10 % from nothing; an instruction count can: it
is the same at every run. callgrind (valgrind) counts, on AVX2 because it does not know
AVX-512. A count depends on the compiler, so bench/instructions.json has one column for
each; with another compiler the counts are printed and nothing is compared, which
--require takes for a failure.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).parents[1] / "bench" / "instructions.json"
TOLERANCE = 0.1
FEW, MANY = 20, 120


def instructions(program, case, times):
    """Return the instructions of a run, start and all."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    result = subprocess.run(
        [*command, program, case, str(times)],
        env=dict(os.environ, MLPCORE_ISA="avx2", OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(re.search(r"Collected : (\d+)", result.stderr).group(1))


def instructions_of_one(program, case):
    """Return the instructions of doing the case once: start and warm-up drop out."""
    difference = instructions(program, case, MANY) - instructions(program, case, FEW)
    return round(difference / (MANY - FEW))


def compiler_of(build):
    """Return the compiler of a build folder, with its major version."""
    found = {}
    for path in build.glob("CMakeFiles/*/CMakeCXXCompiler.cmake"):
        text = path.read_text()
        for name in ("ID", "VERSION"):
            found[name] = re.search(rf'CMAKE_CXX_COMPILER_{name} "([^"]*)"', text)[1]
    return f"{found['ID']} {found['VERSION'].split('.')[0]}"


def main():
    """Run from the command line; the status is 1 if a case got slower.

    With --require also if there is nothing to compare a case with.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="instruction_cases of a build")
    parser.add_argument("--write", action="store_true", help="replace the counts")
    parser.add_argument(
        "--require", action="store_true", help="fail if a case has no count on file"
    )
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    compiler = compiler_of(program.parents[2])
    listed = subprocess.run(
        [program, "--list"], capture_output=True, text=True, check=True
    )
    counts = {
        case: instructions_of_one(program, case) for case in listed.stdout.split()
    }
    on_file = json.loads(FILE.read_text()) if FILE.exists() else {}
    wanted = on_file.get(compiler, {})
    slower = []
    for case, count in counts.items():
        before = wanted.get(case)
        change = "" if before is None else f"{count / before - 1:+8.1%}"
        print(f"{case:26} {count:10,} {change}")
        if before is not None and count > before * (1 + TOLERANCE):
            slower.append(case)
    if arguments.write:
        FILE.write_text(json.dumps(on_file | {compiler: counts}, indent=2) + "\n")
        return 0
    missing = sorted(counts.keys() - wanted.keys())
    if missing or not counts:
        print(f"no counts on file for {compiler}: {missing}")
    if slower:
        print(f"more than {TOLERANCE:.0%} above bench/instructions.json: {slower}")
    incomplete = arguments.require and (missing or not counts)
    return 1 if slower or incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
