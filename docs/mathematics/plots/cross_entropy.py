"""A cross-entropy from the logit, and one from a clipped probability."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import ops

z = np.linspace(-40, 5, 901, dtype=np.float32)
loss, _ = ops.sigmoid_cross_entropy(z[:, np.newaxis], np.ones(len(z)))
eps = np.finfo(np.float32).eps
clipped = -np.log(np.clip(ops.sigmoid(z), eps, 1 - eps))
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.plot(z, loss, label="from z")
ax.plot(z, clipped, "--", label="from a probability, clipped")
ax.set(xlabel="z, where t = 1", ylabel="loss")
ax.legend()
