"""
What depth and activation do
============================

Two features can be drawn: each point of the plane has the colour of the class that the
network gives it, paler where it is less sure. That shows what a hidden layer is for.
"""

from matplotlib import pyplot as plt
from sklearn.datasets import load_wine, make_moons
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpcore
from mlpcore import plots
from mlpcore.sklearn import MLPClassifier

# %%
# Depth and activation
# --------------------
# Two half-moons with noise, and nine networks. With the identity for an activation, any
# number of layers is still one linear map, and the classes meet in a straight line.
# Pieces of relu meet in corners; tanh bends.
X, y = make_moons(300, noise=0.2, random_state=0)

figure, axes = plt.subplots(3, 3, figsize=(11, 10), layout="constrained")
accuracies = {}
for activation, row in zip(("identity", "relu", "tanh"), axes, strict=True):
    for depth, ax in zip((1, 2, 3), row, strict=True):
        net = mlpcore.Network([2, *[8] * depth, 2], activation, rng=1)
        net.fit(X, y, epochs=150, optimizer=mlpcore.optim.Adam(0.01), rng=1)
        plots.decision_regions(net, X, y, ax=ax)
        accuracy = net.evaluate(X, y)["accuracy"]
        layers = "layer" if depth == 1 else "layers"
        ax.set_title(f"{activation}, {depth} hidden {layers}: {accuracy:.0%} right")
        accuracies[activation, depth] = accuracy
        if ax is not axes[0, 0]:
            ax.get_legend().remove()
plt.show()

# %%
# More than two features
# ----------------------
# Of the 13 features of this wine, two are varied and the others held at their median.
# The estimator may be any with ``predict``, here a pipeline, and the features may be
# named.
wine = load_wine(as_frame=True)
classifier = MLPClassifier((16,), learning_rate_init=0.01, random_state=0)
pipeline = make_pipeline(StandardScaler(), classifier)
pipeline.fit(wine.data, wine.target)
plots.decision_regions(
    pipeline,
    wine.data,
    wine.target,
    features=("proline", "color_intensity"),
    class_names=wine.target_names,
)
plt.show()
