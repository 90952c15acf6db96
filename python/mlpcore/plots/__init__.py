"""Pictures of a training, of what a network has learned, and of where it errs.

They need matplotlib (``pip install mlpcore[plots]``), draw on the axes they are given
or on a new figure, and never show or save it.

>>> from matplotlib.figure import Figure
>>> from mlpcore import plots
>>> ax = plots.confusion_matrix([0, 1, 1], [0, 1, 0], ax=Figure().subplots())
>>> ax.get_title()
'Confusion matrix: 66.7% of 3 right'
"""

from ._activations import activations
from ._calibration import reliability_diagram
from ._classes import confusion_matrix, misread_images
from ._curves import loss_curves
from ._network import network
from ._regions import decision_regions
from ._regression import predicted_against_true
from ._weights import first_layer_weights

__all__ = [
    "activations",
    "confusion_matrix",
    "decision_regions",
    "first_layer_weights",
    "loss_curves",
    "misread_images",
    "network",
    "predicted_against_true",
    "reliability_diagram",
]
