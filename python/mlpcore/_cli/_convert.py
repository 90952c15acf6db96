"""``mlpcore convert``: a network from one format to another."""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._optional import require
from ..errors import ModelFormatError
from . import _options, _output

if TYPE_CHECKING:
    from ..network import Network

DESCRIPTION = """\
Convert a network between the formats of mlpcore (.safetensors), ONNX (.onnx), PyTorch
(.pt, .pth; .safetensors with --from torch or --to torch), Keras (.keras, only read) and
C (.c, only written).
"""

EPILOG = """\
The preparation of columns, which a model of `mlpcore train` carries, is in mlpcore's
own format only: the other formats get the bare network.  PyTorch's files are state
dicts; what is between their layers is said by --activations.  Of .pt files only weights
are read (weights_only), so they can run nothing; .keras files are read in the safe mode
of Keras.

examples:
  mlpcore convert model.safetensors model.onnx
  mlpcore convert model.safetensors model.c
  mlpcore convert weights.pt model.safetensors --activations relu,relu,softmax
  mlpcore convert model.keras model.safetensors
"""

MLPCORE, ONNX, C, TORCH, KERAS = "mlpcore", "onnx", "c", "torch", "keras"
BY_EXTENSION = {
    ".safetensors": MLPCORE,
    ".onnx": ONNX,
    ".c": C,
    ".pt": TORCH,
    ".pth": TORCH,
    ".keras": KERAS,
}


def add_parser(commands: _options.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "convert",
        help="convert a network: mlpcore, ONNX, PyTorch, Keras, C",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("input", metavar="IN", help="the file to read")
    parser.add_argument("output", metavar="OUT", help="the file to write")
    parser.add_argument(
        "--from",
        dest="source",
        choices=(MLPCORE, ONNX, TORCH),
        help="the format of IN (default: by its extension)",
    )
    parser.add_argument(
        "--to",
        dest="target",
        choices=(MLPCORE, ONNX, C, TORCH),
        help="the format of OUT (default: by its extension)",
    )
    parser.add_argument(
        "--activations",
        type=lambda text: [name.strip() for name in text.split(",")],
        metavar="NAME,...",
        help="of a PyTorch state dict: one a layer, the output's last",
    )
    parser.add_argument(
        "--tensor",
        metavar="NAME",
        help="of an ONNX model with several outputs: the one to end with",
    )
    _options.add_verbosity(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    source = options.source or _format(options.input)
    target = options.target or _format(options.output)
    if source == C:
        raise ValueError(f"{options.input}: C is only written, not read")
    if target == KERAS:
        raise ValueError(f"{options.output}: Keras is only read, not written")
    if source == TORCH and options.activations is None:
        raise ValueError(
            f"{options.input}: weights of PyTorch do not say what is between them: "
            "give --activations, one name a layer, the output's last"
        )
    if source != TORCH and options.activations is not None:
        raise ValueError("--activations is for weights of PyTorch only")
    if source != ONNX and options.tensor is not None:
        raise ValueError("--tensor is for ONNX models only")
    _options.check_writable(options.output)
    _options.check_apart(options.output, options.input)
    try:
        network, metadata = _READERS[source](options.input, options)
    except ValueError as error:
        if options.input in str(error):
            raise
        raise ValueError(f"{options.input}: {error}") from error
    _WRITERS[target](network, options.output, metadata)
    if not options.quiet:
        sizes = "-".join(map(str, network.layer_sizes))
        text = f"{options.output}: {sizes}, {network.n_parameters:,} parameters"
        _output.facts([("written", text)])
    from ..table._model import METADATA

    if METADATA in metadata and target != MLPCORE:
        _output.note(
            f"{options.output} has the network, which takes {network.layer_sizes[0]} "
            "prepared features; the preparation of the columns stays in "
            f"{options.input}"
        )
    return 0


def _format(path: str) -> str:
    extension = os.path.splitext(path)[1].lower()
    if extension not in BY_EXTENSION:
        raise ValueError(
            f"{path}: networks are in files that end in {', '.join(BY_EXTENSION)}; "
            "for others there are --from and --to"
        )
    return BY_EXTENSION[extension]


# Readers return the network and the user's metadata.


def _read_mlpcore(path: str, options: object) -> tuple[Network, dict[str, str]]:
    from ..formats import load
    from ..formats._inspect import inspect
    from ..formats._native import CHECKPOINT_KIND
    from ..trainer import Trainer

    info = inspect(path)
    if info.kind == CHECKPOINT_KIND:
        return Trainer.from_checkpoint(path).network, info.metadata
    return load(path), info.metadata


def _read_onnx(
    path: str, options: argparse.Namespace
) -> tuple[Network, dict[str, str]]:
    network: Network = _function("from_onnx")(path, tensor=options.tensor)
    return network, {}


def _read_torch(
    path: str, options: argparse.Namespace
) -> tuple[Network, dict[str, str]]:
    weights: Any = path
    if not path.lower().endswith(".safetensors"):
        torch = require("torch", "torch", "reading .pt files")
        with open(path, "rb") as file:
            try:
                weights = torch.load(file, map_location="cpu", weights_only=True)
            except OSError:
                raise
            except Exception as error:  # pickle's and zipfile's, and RuntimeError
                # PyTorch's own advice is how to run what is in the file.
                first = str(error).strip().partition(". ")[0].partition("\n")[0]
                raise ModelFormatError(
                    f"{path}: not a file of PyTorch's with weights only, as "
                    f"torch.save(module.state_dict(), path) makes: {first}"
                ) from None
    network: Network = _function("from_torch")(weights, options.activations)
    return network, {}


def _read_keras(path: str, options: object) -> tuple[Network, dict[str, str]]:
    with open(path, "rb"):  # or Keras says what else may be wrong with the file
        pass
    _choose_backend()
    keras = require("keras", "keras", "reading .keras files")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # whatever the parts of the file lead to
        reason = _output.one_line(str(error)) or type(error).__name__
        raise ModelFormatError(
            f"{path}: Keras cannot read it, in its safe mode: {reason}"
        ) from error
    network: Network = _function("from_keras")(model)
    return network, {}


def _choose_backend() -> None:
    """Let Keras compute with what is installed, if nobody has said with what.

    Its own choice is TensorFlow, whether that is there or not. For weights it does not
    matter.
    """
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ:
        return
    for name in ("tensorflow", "torch", "jax"):
        if importlib.util.find_spec(name) is not None:
            os.environ["KERAS_BACKEND"] = name
            return


def _write_mlpcore(network: Network, path: str, metadata: dict[str, str]) -> None:
    network.save(path, metadata=metadata)


def _write_onnx(network: Network, path: str, metadata: object) -> None:
    _method(network, "to_onnx")(path)


def _write_c(network: Network, path: str, metadata: object) -> None:
    _method(network, "to_c")(path)


def _write_torch(network: Network, path: str, metadata: object) -> None:
    from ..formats._atomic import write_file

    state = _method(network, "to_torch")().state_dict()
    if path.lower().endswith(".safetensors"):
        safetensors = require("safetensors.torch", "torch", "writing weights")
        write_file(path, [safetensors.save(state)])
        return
    buffer = io.BytesIO()
    require("torch", "torch", "writing .pt files").save(state, buffer)
    write_file(path, [buffer.getbuffer()])


_READERS: dict[str, Callable[[str, Any], tuple[Network, dict[str, str]]]] = {
    MLPCORE: _read_mlpcore,
    ONNX: _read_onnx,
    TORCH: _read_torch,
    KERAS: _read_keras,
}
_WRITERS: dict[str, Callable[[Network, str, dict[str, str]], None]] = {
    MLPCORE: _write_mlpcore,
    ONNX: _write_onnx,
    C: _write_c,
    TORCH: _write_torch,
}


def _function(name: str) -> Any:
    import mlpcore

    return getattr(mlpcore, name)


def _method(network: Network, name: str) -> Any:
    return getattr(network, name)
