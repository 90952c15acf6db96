"""Models for tables: data frames in, predictions out, one file.

A `TableModel` is a network that carries the preparation of the columns with it: which
there are, how numbers are scaled, what becomes of texts, dates and missing values. It
is what the command ``mlpcore train`` makes. Needs pandas, and scikit-learn to train
(``pip install mlpcore[cli]``). The rules are in ``docs/command-line.md``.

Examples
--------
>>> import pandas
>>> from mlpcore import table
>>> frame = pandas.DataFrame({"x": [1, 2, 3, 4, None] * 20, "y": list("aabbb") * 20})
>>> training = table.train(frame, "y", layers=[8], epochs=60)
>>> training.model.predict(pandas.DataFrame({"x": [1.0, 4.0, None]})).tolist()
['a', 'b', 'b']
"""

from ._model import TableModel
from ._scores import Score
from ._training import TableTraining, train

__all__ = ["Score", "TableModel", "TableTraining", "train"]
