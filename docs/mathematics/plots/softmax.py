"""Three classes, one logit of which moves."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference

z = np.linspace(-5, 6, 201)
logits = np.stack([z, np.ones_like(z), np.zeros_like(z)], axis=1)
p = reference.softmax(logits)
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.stackplot(z, p.T, labels=["$p_1$", "$p_2$", "$p_3$"], alpha=0.85)
ax.set(xlabel="$z_1$", ylabel="probability", ylim=(0, 1), xlim=(-5, 6))
ax.legend(loc="center left", framealpha=0.9, labelcolor="black")
