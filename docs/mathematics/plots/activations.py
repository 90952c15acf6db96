"""All activations and their derivatives."""

import matplotlib.pyplot as plt
import numpy as np

from mlpcore import reference
from mlpcore.reference.activations import ACTIVATIONS

z = np.linspace(-4, 4, 401)
fig, axes = plt.subplots(3, 4, figsize=(8.4, 5.6), sharex=True, sharey=True)
for ax, name in zip(axes.flat, ACTIVATIONS, strict=True):
    phi = reference.activation(name)
    y = phi.function(z)
    ax.plot(z, y)
    ax.plot(z, phi.derivative(y, z), "--")
    ax.axhline(0, lw=0.5, color="gray")
    ax.axvline(0, lw=0.5, color="gray")
    ax.set_title(name)
    ax.set_ylim(-2.2, 4)
for ax in axes[-1]:
    ax.set_xlabel("z")
