"""One neuron with two inputs: a direction and a line."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

w, b = np.array([2.0, 1.0]), -1.0
line = np.linspace(-2, 2, 201)
x_1, x_2 = np.meshgrid(line, line)
z = w[0] * x_1 + w[1] * x_2 + b

fig, ax = plt.subplots(figsize=(5.2, 4.2))
picture = ax.pcolormesh(
    x_1, x_2, reference.sigmoid(z), cmap="coolwarm", alpha=0.8, rasterized=True
)
fig.colorbar(picture, label=r"$y = \sigma(z)$")
levels = ax.contour(x_1, x_2, z, [-4, -2, 0, 2, 4], colors="black", linewidths=0.8)
# Away from w, each where its line is in the picture.
ax.clabel(
    levels,
    fmt="z = %g",
    manual=[(-1.4, -0.6), (-1.1, 0.6), (-0.5, 1.6), (1.8, -0.6), (1.7, 1.5)],
)
foot = -b * w / (w @ w)  # the point of the line z = 0 that is nearest to 0
ax.annotate("", foot + 0.35 * w, foot, arrowprops={"arrowstyle": "->", "lw": 2})
ax.text(*(foot + 0.18 * w + [-0.1, 0.1]), "w", color="black", fontsize="large")
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
