"""What a network can be saved as: the methods of Network that write it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from .network import Network

# What `save` does not write, and what does.
_OTHER_FORMATS = {
    ".onnx": "; to_onnx writes ONNX",
    ".pt": "; to_torch makes a module for PyTorch",
    ".pth": "; to_torch makes a module for PyTorch",
    ".keras": "",
    ".h5": "",
}


class Exports:
    """The part of `Network` that writes it, for itself and for other libraries."""

    __slots__ = ()

    def _network(self) -> Network:
        """Return a copy: no other thread can train it while it is written."""
        return cast("Network", self).copy()

    # Files.

    def save(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Save the network; `mlpcore.load` gives the same bits back.

        The file is a safetensors file, which many languages can read (see
        ``docs/formats.md``). It has a SHA-256 of itself, so no damage goes unseen. It
        is written beside the old one and then takes its name: whatever happens, there
        is the whole old or the whole new one.

        Parameters
        ----------
        path : str, bytes or path-like
            The file. A symbolic link stays, and what it points to is replaced. A name
            that ends in .onnx, .pt, .pth, .keras or .h5 is refused: it promises another
            format.
        metadata : mapping of str to str, optional
            What else to keep in the file; `mlpcore.formats.read_metadata` returns it.
            Keys that begin with ``"mlpcore."`` are not allowed.

        Raises
        ------
        TypeError, ValueError
            If `metadata` is not what its description says, or the name that of another
            format.
        RuntimeError
            If the network is being trained in another thread.
        OSError
            If the file cannot be written; the old one is whole then.

        Examples
        --------
        See `mlpcore.load`.
        """
        from .formats._native import save_network

        extension = os.path.splitext(os.fsdecode(path))[1].lower()
        if extension in _OTHER_FORMATS:
            raise ValueError(
                f"save writes a safetensors file, got the name {os.fsdecode(path)!r}"
                f"{_OTHER_FORMATS[extension]}"
            )
        save_network(self._network(), path, metadata)

    # Other libraries.

    def to_onnx(
        self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]
    ) -> None:
        """Save the network as an ONNX model, for other runtimes.

        The model takes ``input`` (n, n_in), any number of rows, and makes ``output``
        (n, n_out), both of the network's dtype. It is of opset 13 and uses operators
        that ONNX Runtime can run in that dtype; the results agree to rounding. In its
        metadata it says what network it is, so that `mlpcore.from_onnx` gives back the
        same architecture and the same bits of the weights. Needs ``mlpcore[onnx]``.

        Parameters
        ----------
        path : str, bytes or path-like
            The file, which is replaced whole or not at all, as by `save`.

        Raises
        ------
        NotSupportedError
            If the parameters have 2 GB or more, the most that a file of this format
            can hold.
        OSError
            If the file cannot be written; the old one is whole then.
        ImportError
            If onnx is missing.

        Examples
        --------
        See `mlpcore.from_onnx`.
        """
        from .formats._onnx_export import save_onnx

        save_onnx(self._network(), path)

    def to_c(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        name: str | None = None,
    ) -> None:
        """Write the network as a function in C, with the bits of `predict`.

        ``model.c`` and ``model.h`` are all that a C99 compiler needs, beside its own
        headers: the weights are in them, nothing is allocated and nothing remembered.
        ``void model_predict(const float *x, float *y)`` is for one row,
        ``model_predict_n(x, y, n)`` for n rows; ``MODEL_N_IN`` and ``MODEL_N_OUT`` are
        the sizes of a row (``double`` for a float64 network). See ``docs/formats.md``.

        Parameters
        ----------
        path : str, bytes or path-like
            The source, ``....c``. The header is beside it. Each of the two is replaced
            whole or not at all.
        name : str, optional
            What the names in C begin with, in place of the file's name.

        Raises
        ------
        TypeError, ValueError
            If `path` does not end in ``.c``, or `name` is no name in C.
        OSError
            If a file cannot be written.

        Examples
        --------
        >>> import mlpcore, os, tempfile
        >>> net = mlpcore.Network([4, 16, 3], rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_c(os.path.join(folder, "iris.c"))
        ...     with open(os.path.join(folder, "iris.h")) as header:
        ...         print(*(line for line in header if "void" in line), sep="", end="")
        void iris_predict(const float *x, float *y);
        void iris_predict_n(const float *x, float *y, size_t n);
        """
        from .formats._c_source import write_c

        write_c(self._network(), path, name)

    def to_torch(self) -> Any:
        """Return a PyTorch module with the same weights and predictions.

        Returns
        -------
        torch.nn.Sequential
            ``Linear`` layers, activations (none for ``"identity"``), and ``Dropout``
            where a hidden layer has a rate, on the CPU and of the network's dtype. It
            is in evaluation mode, so it predicts what the network predicts: call
            ``module.train()`` before training it. A softmax or sigmoid output is its
            last module: ``module[:-1]`` gives the logits, which ``CrossEntropyLoss``
            and ``BCEWithLogitsLoss`` take. It shares no memory with the network.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        NotSupportedError
            If an activation is ``"exp"``, for which PyTorch has no module.

        Examples
        --------
        >>> import mlpcore
        >>> mlpcore.Network([4, 16, 3], dropout=0.2, rng=0).to_torch()
        Sequential(
          (0): Linear(in_features=4, out_features=16, bias=True)
          (1): ReLU()
          (2): Dropout(p=0.2, inplace=False)
          (3): Linear(in_features=16, out_features=3, bias=True)
          (4): Softmax(dim=-1)
        )

        See Also
        --------
        mlpcore.from_torch : The other way.
        """
        from .formats._to_torch import to_torch

        return to_torch(self._network())
