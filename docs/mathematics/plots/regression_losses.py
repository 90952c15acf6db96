"""Losses of an error, and the scatter that each stands for."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

LOSSES = {
    "squared_error": reference.squared_error,
    "absolute_error": reference.absolute_error,
    "huber, 1": lambda y, t: reference.huber(y, t, 1.0),
    "quantile, 0.8": lambda y, t: reference.quantile(y, t, 0.8),
}
STEP = 0.01
error = np.arange(-50, 50, STEP)  # outside next to nothing is left of the densities
seen = np.abs(error) <= 4
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
for (name, loss), style in zip(LOSSES.items(), ("-", "--", "-.", ":"), strict=True):
    rows, _ = loss(np.zeros((len(error), 1)), error[:, np.newaxis])
    density = np.exp(-rows) / (np.exp(-rows).sum() * STEP)
    left.plot(error[seen], rows[seen], style, label=name)
    right.plot(error[seen], density[seen], style)
left.set(xlabel="t - y", ylabel="loss", ylim=(0, 4))
left.legend(loc="upper center")
right.set(xlabel="t - y", ylabel="density", ylim=(0, None))
