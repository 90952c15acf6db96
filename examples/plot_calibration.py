"""
Probabilities to be taken at their word
=======================================

A network that is 90 % sure should be right nine times in ten. One that has learned its
data by heart is too sure of itself; a reliability diagram shows it, and there are
remedies.
"""

from matplotlib import pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

import mlpcore
from mlpcore import plots

# %%
# Four classes, a tenth of the labels wrong, and only 600 rows to learn from.
X, y = make_classification(
    4600,
    n_features=12,
    n_informative=8,
    n_classes=4,
    flip_y=0.1,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=600, random_state=0
)


def probabilities(**more):
    """Return what a network says of the test rows, and its accuracy."""
    net = mlpcore.Network([12, 64, 64, 4], rng=0)
    net.fit(X_train, y_train, epochs=100, rng=0, **more)
    return net.predict(X_test), net.evaluate(X_test, y_test)["accuracy"]


# %%
# Too sure
# --------
# Trained for long, the network is hardly ever less than 90 % sure, and often wrong. The
# histogram below has how many rows there are of each probability.
plain, plain_accuracy = probabilities()
plots.reliability_diagram(y_test, plain)
plt.show()

# %%
# Remedies
# --------
# Label smoothing asks for less than certainty; L2 keeps the weights, and so the logits,
# small. Both bring the curve nearer to the diagonal. Here L2 also makes the network
# right more often, while label smoothing costs a little.
smooth, smooth_accuracy = probabilities(label_smoothing=0.2)
decayed, decayed_accuracy = probabilities(l2=0.02)

ax = None
for name, p, accuracy in (
    ("as it is", plain, plain_accuracy),
    ("label smoothing", smooth, smooth_accuracy),
    ("L2", decayed, decayed_accuracy),
):
    label = f"{name} ({accuracy:.0%} right)"
    ax = plots.reliability_diagram(y_test, p, label=label, ax=ax)
plt.show()
