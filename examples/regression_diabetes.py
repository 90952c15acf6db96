"""Regression: how far diabetes will progress in a year, from ten measurements.

The data are scikit-learn's diabetes set: 442 patients, so few that the figures are
averaged over five folds, and a large network would only learn them by heart.
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

import mlpcore


def fit_predict(x_train, y_train, x_test):
    """Return a network's and a linear model's predictions for `x_test`."""
    # Statistics of the training rows only: the test rows must stay unknown.
    x_mean, x_std = x_train.mean(axis=0), x_train.std(axis=0)
    y_mean, y_std = y_train.mean(), y_train.std()
    x_train, x_test = (x_train - x_mean) / x_std, (x_test - x_mean) / x_std
    y_train = (y_train - y_mean) / y_std

    network = mlpcore.Network([10, 16, 1], "tanh", "identity", rng=0)
    network.fit(x_train, y_train, epochs=60, batch_size=32, l2=0.1, rng=0)
    linear = Ridge(alpha=1.0).fit(x_train, y_train)
    return (
        network.predict(x_test)[:, 0] * y_std + y_mean,
        linear.predict(x_test) * y_std + y_mean,
    )


def main() -> dict[str, float]:
    """Compare the models on held-out patients; return the scores."""
    x, y = load_diabetes(return_X_y=True)
    by_network, by_line = np.empty_like(y), np.empty_like(y)
    for train, test in KFold(5, shuffle=True, random_state=0).split(x):
        by_network[test], by_line[test] = fit_predict(x[train], y[train], x[test])

    scores = {"r2": r2_score(y, by_network), "r2_linear": r2_score(y, by_line)}
    scores["mae"] = np.abs(y - by_network).mean()
    scores["mae_linear"] = np.abs(y - by_line).mean()
    print(f"Diabetes progression, {len(y)} patients, 5-fold cross-validation")
    print(f"{'':<24}{'R2':>8}{'mean error':>14}")
    print(f"{'network 10-16-1':<24}{scores['r2']:8.3f}{scores['mae']:14.1f}")
    print(f"{'ridge regression':<24}{scores['r2_linear']:8.3f}", end="")
    print(f"{scores['mae_linear']:14.1f}")
    return {name: float(score) for name, score in scores.items()}


if __name__ == "__main__":
    main()
