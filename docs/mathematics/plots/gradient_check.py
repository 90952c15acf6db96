"""Two ways to check a derivative: the difference quotient and the complex step."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

rng = np.random.default_rng(0)
X, t = rng.normal(size=(20, 3)), np.eye(2)[rng.integers(2, size=20)]
net = reference.ReferenceNetwork([3, 4, 2], "tanh")
p = rng.normal(size=len(net.get_parameters()))
first = np.arange(len(p)) == 0


def loss(parameters):
    """Return the loss, complex if the parameters are."""
    net.set_parameters(parameters)
    return net.loss(X, t)


net.set_parameters(p)
true = net.loss_and_gradient(X, t)[1][0]
steps = 10.0 ** np.arange(-16, 0.1, 0.25)
by_difference = [(loss(p + h * first) - loss(p - h * first)) / (2 * h) for h in steps]
by_complex_step = [loss(p + 1j * h * first).imag / h for h in steps]

floor = np.finfo(float).eps / 4  # equal to the last bit: the error is 0
fig, ax = plt.subplots(figsize=(6, 3.4))
for name, values, style in (
    ("difference quotient", by_difference, "-"),
    ("complex step", by_complex_step, "--"),
):
    error = np.abs(np.array(values) / true - 1)
    ax.loglog(steps, np.maximum(error, floor), style, label=name)
ax.set(xlabel="step h", ylabel="relative error", ylim=(1e-17, 10))
ax.legend(loc="upper center")
