"""Two classes, one sigmoid output: benign and malignant tumours of the breast.

The data are scikit-learn's breast cancer set: 569 tumours, 30 measurements each. The
output of the single sigmoid neuron is the probability of class 1, benign.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import mlpcore


def fit_predict(x_train, y_train, x_test):
    """Return P(benign) for `x_test` by a network and by logistic regression."""
    # Statistics of the training rows only: the test rows must stay unknown.
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

    network = mlpcore.Network([30, 16, 1], "relu", "sigmoid", rng=0)
    network.fit(x_train, y_train, epochs=40, batch_size=32, l2=1e-2, rng=0)
    linear = LogisticRegression().fit(x_train, y_train)
    return network.predict(x_test)[:, 0], linear.predict_proba(x_test)[:, 1]


def main() -> dict[str, float]:
    """Compare the models on held-out tumours; return the scores."""
    x, y = load_breast_cancer(return_X_y=True)
    by_network, by_line = np.empty(len(y)), np.empty(len(y))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for train, test in folds.split(x, y):
        by_network[test], by_line[test] = fit_predict(x[train], y[train], x[test])

    print(f"Breast cancer, {len(y)} tumours, 5-fold cross-validation")
    print(f"{'':<24}{'accuracy':>10}{'log loss':>10}{'ROC AUC':>10}")
    scores = {}
    for name, p, suffix in (
        ("network 30-16-1", by_network, ""),
        ("logistic regression", by_line, "_linear"),
    ):
        accuracy, auc = np.mean((p > 0.5) == y), roc_auc_score(y, p)
        print(f"{name:<24}{accuracy:10.3f}{log_loss(y, p):10.3f}{auc:10.3f}")
        scores["accuracy" + suffix] = float(accuracy)
        scores["log_loss" + suffix] = float(log_loss(y, p))
        scores["auc" + suffix] = float(auc)
    return scores


if __name__ == "__main__":
    main()
