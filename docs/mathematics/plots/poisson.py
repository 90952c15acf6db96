"""The Poisson loss by the output, for some targets."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

y = np.linspace(0.02, 12, 600)
fig, ax = plt.subplots(figsize=(6, 3.2))
for t, style in ((0, "-"), (1, "--"), (5, "-.")):
    loss, _ = reference.poisson(np.log(y)[:, np.newaxis], np.full((len(y), 1), t))
    ax.plot(y, loss, style, label=f"t = {t}")
ax.set(xlabel="y", ylabel="loss", ylim=(0, 8), xlim=(0, 12))
ax.legend()
