"""Real tables with made holes, categories, booleans and dates."""

import numpy as np
import pandas as pd
from sklearn import datasets


def bunch(name):
    """Return a data set of scikit-learn's as a frame, its classes by their names."""
    data = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = data.frame.rename(columns={"target": "y"})
    if "target_names" in data:
        frame["y"] = [str(data.target_names[i]) for i in frame["y"]]
    return frame


def holes(frame, column, share=0.1, seed=0):
    """Return the frame with some values of a column missing."""
    rng = np.random.default_rng(seed)
    return frame.assign(**{column: frame[column].mask(rng.random(len(frame)) < share)})


def mixed():
    """Return the irises with a column of each kind, and holes in some."""
    frame = bunch("iris")
    n = len(frame)
    frame["colour"] = ["red", "green", "blue"] * (n // 3)
    frame.loc[5, "colour"] = "pink"  # one row only
    frame["wild"] = [True, False] * (n // 2)
    frame["day"] = pd.date_range("2020-01-01", periods=n)
    frame["always"] = 1
    for column in ("sepal length (cm)", "colour", "wild"):
        frame = holes(frame, column)
    return frame
