"""What becomes of a signal in 30 relu layers."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

WIDTH, DEPTH = 256, 30
rng = np.random.default_rng(0)
X = rng.normal(size=(100, WIDTH))
draws = rng.normal(size=(DEPTH, WIDTH, WIDTH))
fig, ax = plt.subplots(figsize=(6, 3.4))
for name, variance, style in (
    ("four times He's variance", 8 / WIDTH, "-."),
    ("he_normal", 2 / WIDTH, "-"),
    ("glorot_normal, lecun_normal", 1 / WIDTH, "--"),
):
    y, sizes = X, []
    for w in draws:
        y = reference.dense(y, np.sqrt(variance) * w, activation="relu")
        sizes.append(np.sqrt(np.mean(y**2)))
    ax.semilogy(np.arange(1, DEPTH + 1), sizes, style, label=name)
ax.set(xlabel="layer", ylabel="root mean square of y")
ax.legend(loc="upper left")
