"""
Losses for regression
=====================

What a network answers depends on the loss it was trained with: the mean, the median, or
any quantile of what is seen. Data with outliers show the difference.
"""

import numpy as np
from matplotlib import pyplot as plt

import mlpcore

# %%
# The data
# --------
# A sine, with noise that grows to the right; one row in sixteen is far too high.
rng = np.random.default_rng(0)
n = 600
x = np.sort(rng.uniform(0, 6, n))
truth = np.sin(x)
y = truth + (0.05 + 0.08 * x) * rng.normal(size=n)
outlier = rng.random(n) < 1 / 16
y[outlier] += rng.uniform(2, 5, outlier.sum())


def fit(loss):
    """Return the curve of a network trained with a loss."""
    net = mlpcore.Network([1, 32, 32, 1], "tanh", "identity", loss=loss, rng=0)
    net.fit(
        x[:, None] / 3 - 1,
        y,
        epochs=400,
        optimizer=mlpcore.optim.Adam(mlpcore.schedules.Cosine(0.01)),
        rng=0,
    )
    return net.predict(x[:, None] / 3 - 1)[:, 0]


# %%
# Mean or median
# --------------
# The squared error asks for the mean, which each outlier pulls by its distance. The
# absolute error asks for the median, which outliers hardly move; Huber's loss is
# squared for small errors and absolute for large ones.
COLORS = {"squared_error": "#D55E00", "absolute_error": "#009E73", "huber": "#0072B2"}
curves = {
    "squared_error": fit("squared_error"),
    "absolute_error": fit("absolute_error"),
    "huber": fit(("huber", 0.3)),
}
distances = {name: float(np.abs(f - truth).mean()) for name, f in curves.items()}

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
ax.scatter(x, y, s=8, color="0.7", label="data")
ax.plot(x, truth, "k--", label="truth")
for name, curve in curves.items():
    label = f"{name}: {distances[name]:.2f} off on average"
    width = 4 if name == "absolute_error" else 2  # Huber's curve lies on it
    ax.plot(x, curve, color=COLORS[name], linewidth=width, label=label)
ax.set(xlabel="x", ylabel="y", title="One row in sixteen is an outlier")
ax.legend()
plt.show()

# %%
# A band of quantiles
# -------------------
# Trained for the quantiles 0.1 and 0.9, two networks enclose four fifths of the data,
# narrow where there is little noise and wide where there is much, whatever the noise's
# distribution. How far away an outlier is makes no difference.
lower, median, upper = (fit(("quantile", q)) for q in (0.1, 0.5, 0.9))
coverage = float(((y >= lower) & (y <= upper)).mean())

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
ax.scatter(x, y, s=8, color="0.6", label="data")
ax.fill_between(x, lower, upper, color="#56B4E9", alpha=0.35, label="0.1 to 0.9")
ax.plot(x, median, color="#0072B2", linewidth=2, label="median")
ax.set(xlabel="x", ylabel="y", title=f"The band encloses {coverage:.1%} of the data")
ax.legend()
plt.show()
