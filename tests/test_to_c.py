"""Network.to_c: what a C compiler makes of it has the bits of predict."""

import ctypes
import hashlib
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mlpcore
from mlpcore import ops
from mlpcore.formats import _c_templates
from support import ACTIVATIONS

# On Windows GCC has a C library whose fma is not one.
COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c) and os.name != "nt"]
WARNINGS = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
MACHINE = "-mfma" if "avx2" in mlpcore.supported_isas() else "-O1"

pytestmark = [
    pytest.mark.skipif(not COMPILERS, reason="there is no gcc and no clang"),
    pytest.mark.skipif(
        mlpcore.supported_isas() == ["baseline"], reason="has bits of its own"
    ),
]


@pytest.fixture(autouse=True)
def _fused():
    """Leave `baseline` if it is what the machine was told to use."""
    if mlpcore.isa() == "baseline":
        mlpcore.set_isa(mlpcore.supported_isas()[-1])


def compile_models(compiler, folder, names, flags=("-O2", MACHINE)):
    """Return a library of the sources `names`."""
    library = folder / f"{compiler}{len(os.listdir(folder))}.so"
    sources = [folder / f"{name}.c" for name in names]
    command = [compiler, *WARNINGS, *flags, "-shared", "-fPIC", "-o", library, *sources]
    subprocess.run([*command, "-lm"], check=True)
    return ctypes.CDLL(str(library))


def c_predict(library, name, net, X):
    X = np.ascontiguousarray(X, net.dtype)
    # A number before and one after, to see that they are left alone.
    y = np.full(1 + len(X) * net.layer_sizes[-1] + 1, -1.5, net.dtype)
    predict_n = getattr(library, f"{name}_predict_n")
    predict_n.restype = None
    predict_n(
        ctypes.c_void_p(X.ctypes.data),
        ctypes.c_void_p(y.ctypes.data + y.itemsize),
        ctypes.c_size_t(len(X)),
    )
    assert y[0] == y[-1] == -1.5
    return y[1:-1].reshape(len(X), net.layer_sizes[-1])


def assert_same_bits(a, b):
    """Compare bits, zeros' signs included; a NaN is a NaN."""
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    nan = np.isnan(a)
    assert (nan == np.isnan(b)).all()
    assert a[~nan].tobytes() == b[~nan].tobytes()


def all_magnitudes(dtype):
    """Numbers of all exponents and signs, many where functions bend, and the rest."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2 ** (8 * dtype.itemsize), 30_000, np.uint64)
    near = [rng.normal(0, scale, 30_000) for scale in (0.1, 1, 10, 100)]
    limits = np.finfo(dtype)
    special = [0, -0.0, np.inf, -np.inf, np.nan, limits.max, limits.min, limits.tiny]
    return np.concatenate(
        [
            bits.astype(f"u{dtype.itemsize}").view(dtype),
            *(values.astype(dtype) for values in near),
            np.array([*special, limits.smallest_subnormal], dtype),
        ]
    )


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("flags", [("-O2", MACHINE), ("-O3", "-march=native")])
def test_every_activation_of_all_magnitudes(tmp_path, compiler, flags, dtype):
    nets = {
        phi: mlpcore.Network([1, 1], output=phi, dtype=dtype) for phi in ACTIVATIONS
    }
    for phi, net in nets.items():
        net.set_weights([[[1]]], [[-0.0]])  # z = x, its sign of zero too
        net.to_c(tmp_path / f"{phi}.c")
    library = compile_models(compiler, tmp_path, nets, flags)
    x = all_magnitudes(dtype).reshape(-1, 1)
    for phi, net in nets.items():
        assert_same_bits(c_predict(library, phi, net, x), net.predict(x))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_hidden_layers(tmp_path, compiler, dtype):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20, 7))
    nets = {
        phi: mlpcore.Network(
            [7, 33, 6, 9, 2], phi, "identity", dtype=dtype, dropout=0.5, rng=2
        )
        for phi in ACTIVATIONS
    }
    for phi, net in nets.items():
        net.set_weights(net.weights, [rng.normal(0, 0.1, b.shape) for b in net.biases])
        net.to_c(tmp_path / f"{phi}.c")
    library = compile_models(compiler, tmp_path, nets)
    for phi, net in nets.items():
        assert np.isfinite(net.predict(X)).all()
        assert_same_bits(c_predict(library, phi, net, X), net.predict(X))


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("phi", ["sigmoid", "silu", "mish", "softplus", "exp"])
def test_hidden_units_that_vanish(tmp_path, compiler, phi, dtype):
    """Below -87 and -708, where an output layer's are not 0."""
    net = mlpcore.Network([1, 1, 1], phi, "identity", dtype=dtype)
    net.set_weights([[[1]], [[1]]], [[-0.0], [-0.0]])  # y = phi(x)
    net.to_c(tmp_path / "hidden.c")
    library = compile_models(compiler, tmp_path, ["hidden"])
    least = {"float32": -87, "float64": -708}[dtype.name]
    x = np.array([least, np.nextafter(dtype.type(least), dtype.type(-np.inf))], dtype)
    y = net.predict(x[:, None])[:, 0]
    assert 0 < abs(y[0]) < 2e-35
    assert y[1] == 0
    assert getattr(ops, phi)(x)[1] != 0
    x = np.append(all_magnitudes(dtype), x).reshape(-1, 1)
    assert_same_bits(c_predict(library, "hidden", net, x), net.predict(x))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_shapes(tmp_path, compiler, dtype):
    """Sums of one to three blocks; rows of a softmax around its lanes."""
    rng = np.random.default_rng(3)
    shapes = {
        f"net_{n_in}_{n_hidden}_{n_out}": [n_in, n_hidden, n_out]
        for n_in, n_hidden, n_out in [
            (1, 1, 1), (255, 3, 2), (256, 257, 8), (257, 256, 9), (513, 4, 16),
            (3, 300, 17), (2, 5, 33), (600, 20, 300),
        ]
    } | {"flat": [300, 4]}  # fmt: skip
    nets = {}
    for name, sizes in shapes.items():
        nets[name] = net = mlpcore.Network(sizes, "leaky_relu", dtype=dtype, rng=4)
        net.set_weights(net.weights, [rng.normal(0, 1, b.shape) for b in net.biases])
        net.to_c(tmp_path / f"{name}.c")
    library = compile_models(compiler, tmp_path, nets)
    for name, net in nets.items():
        X = rng.normal(size=(5, net.layer_sizes[0]))
        X[1] *= 1000
        y = net.predict(X)
        assert np.isclose(y.sum(axis=1), 1).all()
        assert_same_bits(c_predict(library, name, net, X), y)
        assert_same_bits(c_predict(library, name, net, X[:0]), net.predict(X[:0]))


@pytest.mark.parametrize("width", [3, 40])
def test_softmax_of_extreme_rows(tmp_path, dtype, width):
    net = mlpcore.Network([width, width], dtype=dtype)
    net.set_weights([np.eye(width)], [np.full(width, -0.0)])
    net.to_c(tmp_path / "softmax.c")
    library = compile_models(COMPILERS[0], tmp_path, ["softmax"])
    values = np.array([0, 1, -80, 80, 1e4, -1e30, 1e30, 1e-3])
    X = np.random.default_rng(5).choice(values, (500, width))
    assert_same_bits(c_predict(library, "softmax", net, X), net.predict(X))
    for bad in itertools.product([np.nan, np.inf, -np.inf, 0], repeat=3):
        row = np.full((1, width), float(bad[2]))
        row[0, :2] = bad[:2]
        assert_same_bits(c_predict(library, "softmax", net, row), net.predict(row))


def test_weights_that_are_extreme(tmp_path, dtype):
    limits = np.finfo(dtype)
    weights = [limits.max, limits.smallest_subnormal, -limits.tiny, -0.0, np.inf, 1 / 3]
    net = mlpcore.Network([1, 7], output="identity", dtype=dtype)
    net.set_parameters(np.array([*weights, np.nan, *[-0.0] * 7], dtype))
    net.to_c(tmp_path / "extreme.c")
    library = compile_models(COMPILERS[0], tmp_path, ["extreme"])
    X = [[1], [-1], [0], [0.1]]
    assert_same_bits(c_predict(library, "extreme", net, X), net.predict(X))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compilers_that_fuse_and_slow_fma(tmp_path, compiler):
    """The default of GNU C fuses; without -mfma, fma is a function."""
    net = mlpcore.Network([20, 30, 30, 30, 4], ["gelu", "mish", "softplus"], rng=6)
    net.to_c(tmp_path / "net.c")
    X = np.random.default_rng(7).normal(size=(300, 20))
    for flags in (["-std=gnu11", "-O3", MACHINE, "-ffp-contract=fast"], ["-O0"]):
        library = compile_models(compiler, tmp_path, ["net"], flags)
        assert_same_bits(c_predict(library, "net", net, X), net.predict(X))


def test_a_program_of_its_own(tmp_path):
    """One row, from the header alone; C++ can call it as well."""
    net = mlpcore.Network([2, 5, 3], "tanh", rng=8)
    net.to_c(tmp_path / "my model-2.c")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "my model-2.h"\n'
        "int main(void) {\n"
        "  const float x[MY_MODEL_2_N_IN] = {0.25f, -3.0f};\n"
        "  float y[MY_MODEL_2_N_OUT];\n"
        "  size_t j;\n"
        "  my_model_2_predict(x, y);\n"
        '  for (j = 0; j < MY_MODEL_2_N_OUT; ++j) printf("%a\\n", (double)y[j]);\n'
        "  return 0;\n}\n"
    )
    expected = [float(y) for y in net.predict([[0.25, -3.0]])[0]]
    build = [COMPILERS[0], *WARNINGS, "-O2", MACHINE, "-c", "my model-2.c"]
    subprocess.run(build, cwd=tmp_path, check=True)
    for language in ("c", "c++"):
        if language == "c++" and not shutil.which("g++"):
            continue
        compiler = {"c": COMPILERS[0], "c++": "g++"}[language]
        link = [compiler, "-x", language, "main.c", "-x", "none", "my model-2.o", "-lm"]
        subprocess.run(link, cwd=tmp_path, check=True)
        program = subprocess.run(
            [tmp_path / "a.out"], check=True, capture_output=True, text=True
        )
        assert [float.fromhex(word) for word in program.stdout.split()] == expected


def test_text(tmp_path):
    """Only what is needed, readable, and always the same."""
    net = mlpcore.Network([3, 4, 2], "relu", "identity", rng=0)
    net.to_c(tmp_path / "a.c")
    text = (tmp_path / "a.c").read_text()
    assert hashlib.sha256(net.get_parameters()).hexdigest() in text
    assert f"mlpcore {mlpcore.__version__}" in text
    assert "3 x 4 relu" in text
    assert "4 x 2 identity" in text
    assert "phi_relu" in text
    assert "tanh" not in text
    assert "softmax" not in text
    assert "16 bytes" in text  # a[4]
    assert re.findall(r"#include (.*)", text) == ['"a.h"', "<math.h>", "<stdint.h>"]
    assert not re.search("malloc|[^c]alloc\\(|static (?!const|void|float)", text)
    assert max(map(len, text.splitlines())) <= 90
    net.to_c(tmp_path / "a.c")
    assert (tmp_path / "a.c").read_text() == text
    for phi in ("softplus", "softmax"):  # constants of one type only
        for dtype, other in (
            ("float32", r"\bdouble\b|_BITS 52"),
            ("float64", r"float\b|\df\b"),
        ):
            net = mlpcore.Network([300, 2], output=phi, dtype=dtype)
            net.to_c(tmp_path / "b.c")
            code = re.sub(r"/\*.*?\*/", "", (tmp_path / "b.c").read_text(), flags=re.S)
            assert not re.search(other, code.partition("weights_1")[0])
            assert not re.search(r"\breal\b|\bword\b", code)


def test_a_header_of_another_network(tmp_path):
    mlpcore.Network([3, 4, 2], rng=0).to_c(tmp_path / "net.c")
    source = (tmp_path / "net.c").read_text()
    mlpcore.Network([3, 4, 5], rng=0).to_c(tmp_path / "net.c")
    (tmp_path / "net.c").write_text(source)
    for flags, message in (([], "of another network"), (["-ffast-math"], "fast-math")):
        run = subprocess.run(
            [COMPILERS[0], *WARNINGS, *flags, "-c", "net.c"],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert run.returncode != 0
        assert message in run.stderr


@pytest.mark.parametrize(
    ("file", "prefix"),
    [
        ("net.c", "net"),
        ("2nd try.c", "net_2nd_try"),
        ("_x.c", "net__x"),
        ("größe.c", "gr__e"),
        ("a.b.c", "a_b"),
    ],
)
def test_names_from_files(tmp_path, file, prefix):
    net = mlpcore.Network([3, 2], rng=0)
    net.to_c(tmp_path / file)
    header = (tmp_path / file).with_suffix(".h").read_text(encoding="utf-8")
    assert f"void {prefix}_predict(const float *x, float *y);" in header
    subprocess.run(
        [COMPILERS[0], *WARNINGS, "-fsyntax-only", tmp_path / file], check=True
    )


def test_a_name_given(tmp_path):
    net = mlpcore.Network([3, 2], dtype="float64", rng=0)
    net.to_c(os.fsencode(tmp_path / "net.c"), name="policy")
    assert "void policy_predict(const double *x" in (tmp_path / "net.h").read_text()
    assert "POLICY_N_IN 3" in (tmp_path / "net.h").read_text()
    for name, error in (
        ("2x", ValueError), ("a-b", ValueError), ("", ValueError), ("_x", ValueError),
        ("größe", ValueError), ("x\n", ValueError), (3, TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match=r"^name must be a .*, got "):
            net.to_c(tmp_path / "other.c", name=name)
    assert not (tmp_path / "other.h").exists()


def test_paths_that_are_refused(tmp_path):
    net = mlpcore.Network([3, 2], rng=0)
    for file in ("net", "net.cpp", "net.h", ".c"):
        with pytest.raises(ValueError, match=r"path must end with '\.c', got"):
            net.to_c(tmp_path / file)
    for file in ('a"b.c', "a\\b.c", "a\nb.c", "a*.c", "a??'.c"):
        with pytest.raises(ValueError, match=r"may have no quotation mark"):
            net.to_c(str(tmp_path / file))
    with pytest.raises(FileNotFoundError):
        net.to_c(tmp_path / "missing" / "net.c")
    with pytest.raises(TypeError):
        net.to_c(3)
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_files(tmp_path, monkeypatch):
    old = mlpcore.Network([3, 2], rng=0)
    old.to_c(tmp_path / "net.c")
    before = [(tmp_path / file).read_bytes() for file in ("net.c", "net.h")]

    def fail(value, suffix):
        raise MemoryError

    net = mlpcore.Network([3, 2], rng=1)
    monkeypatch.setattr("mlpcore.formats._c_source._literal", fail)
    with pytest.raises(MemoryError):
        net.to_c(tmp_path / "net.c")
    assert before == [(tmp_path / file).read_bytes() for file in ("net.c", "net.h")]
    assert sorted(os.listdir(tmp_path)) == ["net.c", "net.h"]


@pytest.mark.parametrize("file", ["exp.c", "sigmoid.c", "gelu.c"])
def test_constants_are_those_of_the_kernels(file):
    """The last bit of a polynomial's last term hardly shows in a result."""
    hexadecimal = re.compile(r"-?0x[0-9a-f.]+p[+-]?\d+")
    kernels = Path(__file__).parents[1] / "cpp" / "src" / "kernels"
    texts = [path.read_text("utf-8") for path in kernels.glob("math_*-inl.h")]
    theirs = set(map(float.fromhex, hexadecimal.findall(" ".join(texts))))
    ours = hexadecimal.findall(_c_templates.read_text(file))
    assert len(ours) > 10
    assert set(map(float.fromhex, ours)) <= theirs
