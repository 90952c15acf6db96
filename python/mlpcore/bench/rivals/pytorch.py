"""PyTorch: eager with both of its multi-tensor Adams, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .base import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Predictor, Rival, Training
from .base import Weights as _Weights

if TYPE_CHECKING:
    from .._workloads import Workload

_ACTIVATIONS = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "gelu": "GELU",
    "sigmoid": "Sigmoid",
    "identity": "Identity",
}


def _linear_layers(workload: Workload, weights: _Weights) -> list[Any]:
    """Return nn.Linear and the hidden activations, alternating; no output's."""
    import torch

    layers: list[Any] = []
    for w, b in weights:
        linear = torch.nn.Linear(*w.shape, dtype=getattr(torch, workload.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        activation = getattr(torch.nn, _ACTIVATIONS[workload.net.activation])
        layers += [linear, activation()]
    return layers[:-1]


def _compiled(function: Any) -> Any:
    import torch

    torch._dynamo.reset()  # what was compiled for the workload before is not needed
    return torch.compile(function, dynamic=False)


class PyTorchRival(Rival):
    """``nn.Sequential`` in inference mode; fused and foreach Adam; ``torch.compile``.

    Compiled training compiles the network with its loss, forward and backward; its
    update is the fused Adam, one native call.
    """

    name = "torch"
    title = "PyTorch"
    packages = ("torch",)
    predictors = ("eager", "compile")
    trainings = ("fused", "foreach", "compile")
    slow_to_begin = ("compile",)

    def environment(self, n_threads: int) -> dict[str, str]:
        """Compile in the process itself: a pool of compilers would disturb others."""
        return {"TORCHINDUCTOR_COMPILE_THREADS": "1"}

    def start(self, n_threads: int) -> None:
        """Import it and set its threads."""
        import torch

        torch.set_num_threads(n_threads)
        torch.set_num_interop_threads(1)

    def make_predictor(
        self, variant: str, workload: Workload, weights: _Weights, x: NDArray[Any]
    ) -> Predictor:
        """Return a predictor."""
        import torch

        layers = _linear_layers(workload, weights)
        if workload.net.output == "softmax":
            layers.append(torch.nn.Softmax(dim=1))
        elif workload.net.output == "sigmoid":
            layers.append(torch.nn.Sigmoid())
        model: Any = torch.nn.Sequential(*layers).eval()
        if variant == "compile":
            model = _compiled(model)
        rows = torch.from_numpy(x)
        inference_mode = torch.inference_mode

        def predict() -> Any:
            with inference_mode():
                return model(rows)

        return Predictor(predict, lambda y: y.numpy())

    def make_training(
        self,
        variant: str,
        workload: Workload,
        weights: _Weights,
        x: NDArray[Any],
        y: NDArray[Any],
    ) -> Training:
        """Return a training."""
        import torch

        model = torch.nn.Sequential(*_linear_layers(workload, weights))
        loss_of = _loss(workload)

        def loss(rows: Any, target: Any) -> Any:
            return loss_of(model(rows), target)

        run = _compiled(loss) if variant == "compile" else loss
        multi_tensor = "foreach" if variant == "foreach" else "fused"
        optimizer = torch.optim.Adam(
            model.parameters(),
            lr=LEARNING_RATE,
            betas=(BETA_1, BETA_2),
            eps=EPSILON,
            **{multi_tensor: True},
        )
        targets = torch.from_numpy(y)
        if workload.net.output == "sigmoid":
            targets = targets.to(getattr(torch, workload.dtype)).unsqueeze(1)
        batches = list(
            zip(
                torch.from_numpy(x).split(workload.rows),
                targets.split(workload.rows),
                strict=True,
            )
        )

        def train(n_steps: int) -> None:
            for rows, target in batches[:n_steps]:
                optimizer.zero_grad()
                run(rows, target).backward()
                optimizer.step()

        def present() -> _Weights:
            return [
                (m.weight.detach().numpy().T.copy(), m.bias.detach().numpy().copy())
                for m in model
                if isinstance(m, torch.nn.Linear)
            ]

        return Training(train, present)


def _loss(workload: Workload) -> Callable[[Any, Any], Any]:
    import torch.nn.functional as F  # noqa: N812

    if workload.net.output == "softmax":
        cross_entropy: Callable[[Any, Any], Any] = F.cross_entropy
        return cross_entropy
    if workload.net.output == "sigmoid":
        binary: Callable[[Any, Any], Any] = F.binary_cross_entropy_with_logits
        return binary
    # Half the squared distance, averaged over the rows.
    return lambda z, target: 0.5 * (z - target).square().sum() / len(z)
