"""Which probability makes 7 ones in 10 throws likely."""

import matplotlib.pyplot as plt
import numpy as np

p = np.linspace(0.02, 0.98, 400)
loss = -7 * np.log(p) - 3 * np.log(1 - p)
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(p, loss)
ax.plot(0.7, -7 * np.log(0.7) - 3 * np.log(0.3), "o")
ax.annotate("p = 0.7", (0.7, 6.1), (0.7, 9.5), ha="center")
ax.set(xlabel="p", ylabel="negative log-likelihood", ylim=(0, 25))
