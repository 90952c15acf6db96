"""scikit-learn's MLP estimators, trained by mlpcore: change one import.

``from mlpcore.sklearn import MLPClassifier, MLPRegressor`` has the parameters,
attributes, warnings and results of ``sklearn.neural_network``'s classes, of which these
are subclasses, and what their users have asked for besides
(``pip install 'mlpcore[sklearn]'``).
"""

from .._optional import require

require("sklearn.callback", "sklearn", "mlpcore.sklearn")

from ._classifier import MLPClassifier  # noqa: E402
from ._onnx import register_onnx  # noqa: E402
from ._regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "register_onnx"]
