"""Cross-entropy, entropy and divergence of two-valued distributions."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

t = np.array([0.3, 0.7])
p = np.linspace(0.005, 0.98, 400)
model = np.stack([p, 1 - p], axis=1)
cross = reference.cross_entropy(t, model)
entropy = np.full_like(p, reference.entropy(t))
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.fill_between(p, 0, entropy, alpha=0.4, label="entropy H(t)")
ax.fill_between(p, entropy, cross, alpha=0.4, label="divergence KL(t || p)")
ax.plot(p, cross, color="C2", label="cross-entropy")
ax.axvline(0.3, lw=0.8, ls=":", color="gray")
ax.set(xlabel="$p_1$", ylabel="nats", ylim=(0, 2.6), xlim=(0, 1))
ax.legend(loc="upper center")
