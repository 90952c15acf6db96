"""
A network to look at
====================

Fisher's irises need so small a network that it can be drawn with all its weights.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_iris

import mlpcore
from mlpcore import plots

iris = load_iris()
X = (iris.data - iris.data.mean(axis=0)) / iris.data.std(axis=0)
feature_names = [name.removesuffix(" (cm)") for name in iris.feature_names]

# %%
# Training
# --------
# Four measurements, four hidden units, three species.
net = mlpcore.Network([4, 4, 3], "tanh", rng=3)
history = net.fit(
    X, iris.target, epochs=150, optimizer=mlpcore.optim.Adam(0.02), l2=1e-3, rng=0
)
accuracy = history.history["accuracy"][-1]

# %%
# The network
# -----------
# Red weights are above zero and blue ones below; the thicker a line, the larger the
# weight. The colour within a circle is the unit's bias. Lines from the petals are the
# thickest: they tell the species apart.
plots.network(net, feature_names=feature_names, class_names=iris.target_names)
plt.show()

# %%
# That can be put in numbers: how much weight leaves each measurement.
weight = np.abs(net.weights[0]).sum(axis=1)
for name, value in zip(feature_names, weight, strict=True):
    print(f"{name:<14}{value:6.2f}")

# %%
# What the units put out
# ----------------------
# Nearly half of the hidden outputs are within 2 % of -1 or 1, where tanh is flat: the
# units have taken sides, and learn little more from these rows.
plots.activations(net, X)
plt.show()
