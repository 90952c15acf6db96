"""Four optimizers on a long narrow valley."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

CURVATURE = np.array([1.0, 20.0])


def path(step, n_states, **settings):
    """Return the points of 40 steps, shape (41, 2)."""
    p = np.array([-4.0, 1.5])
    points, states = [p], [np.zeros(2) for _ in range(n_states)]
    for _ in range(40):
        p, *states = step(p, CURVATURE * p, *states, **settings)
        points.append(p)
    return np.array(points)


def adam(p, g, m, v, count):
    """Count the steps among the states."""
    return *reference.adam_step(p, g, m, v, count[0] + 1, learning_rate=0.3), count + 1


paths = {
    "SGD, 0.09": path(reference.sgd_step, 1, learning_rate=0.09),
    "SGD, 0.02, momentum 0.8": path(
        reference.sgd_step, 1, learning_rate=0.02, momentum=0.8
    ),
    "RMSprop, 0.1": path(reference.rmsprop_step, 1, learning_rate=0.1),
    "Adam, 0.3": path(adam, 3),
}
x, y = np.meshgrid(np.linspace(-4.5, 2, 200), np.linspace(-1.8, 1.8, 200))
height = (CURVATURE[0] * x**2 + CURVATURE[1] * y**2) / 2
fig, axes = plt.subplots(2, 2, figsize=(8.4, 4.8), sharex=True, sharey=True)
for i, (ax, (name, points)) in enumerate(zip(axes.flat, paths.items(), strict=True)):
    ax.contour(x, y, np.sqrt(height), 12, colors="gray", linewidths=0.4)
    ax.plot(*points.T, ".-", color=f"C{i}", ms=4, lw=1)
    ax.plot(0, 0, "+", color="gray", ms=10)
    ax.set_title(name)
