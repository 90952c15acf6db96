"""
Reading handwritten digits
==========================

A network learns to read 8 x 8 scans of handwritten digits. Then we look at how it
learned, at what it takes for what, and at what its first layer sees.
"""

from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import mlpcore
from mlpcore import plots

# %%
# The data
# --------
# 1,797 scans, their grey values scaled to 0..1. A fifth is kept for the test; a part of
# the rest is for watching the training.
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.2, stratify=y, random_state=0
)

# %%
# Training
# --------
# A little L2 keeps the weights small, and the pictures of them below smooth.
net = mlpcore.Network([64, 48, 10], "relu", rng=0)
history = net.fit(X_train, y_train, epochs=50, l2=3e-3, validation_split=0.15, rng=0)
history.plot(log=True).set_title("Learning handwritten digits")
plt.show()

# %%
# What is taken for what
# ----------------------
# A row is the digit that was written, a column the one that was read.
probabilities = net.predict(X_test)
predicted = probabilities.argmax(axis=1)
accuracy = float((predicted == y_test).mean())
plots.confusion_matrix(y_test, predicted)
plt.show()

# %%
# The mistakes, the surest first. Some are hard to read for people as well.
plots.misread_images(X_test, y_test, predicted, probabilities=probabilities.max(axis=1))
plt.show()

# %%
# What the first layer sees
# -------------------------
# A unit answers to ink where its weights are red, and against ink where they are blue.
# Most look for a stroke in one place and for paper beside it.
plots.first_layer_weights(net)
plt.show()
