"""Several yes-or-no questions at once, one sigmoid output each.

Real scans of handwritten digits, and four questions about the number written: whether
it is even, prime, greater than four, and drawn with a closed loop. The answers are not
exclusive, so the outputs are independent sigmoids, not a softmax.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier

import mlpcore

QUESTIONS = {
    "even": (0, 2, 4, 6, 8),
    "prime": (2, 3, 5, 7),
    "greater than four": (5, 6, 7, 8, 9),
    "closed loop": (0, 6, 8, 9),
}


def main() -> dict[str, float]:
    """Compare a network with one linear model per question; return the scores."""
    x, digit = load_digits(return_X_y=True)
    y = np.stack([np.isin(digit, yes) for yes in QUESTIONS.values()], axis=1)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y.astype(np.float32), test_size=0.2, stratify=digit, random_state=0
    )
    # Statistics of the training rows only. A pixel that is always 0 keeps its scale.
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    std[std == 0] = 1
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

    network = mlpcore.Network([64, 64, len(QUESTIONS)], "relu", "sigmoid", rng=0)
    network.fit(x_train, y_train, epochs=40, batch_size=32, l2=1e-3, rng=0)
    linear = MultiOutputClassifier(LogisticRegression(max_iter=1000))
    linear.fit(x_train, y_train)

    right = (network.predict(x_test) > 0.5) == y_test
    right_linear = linear.predict(x_test) == y_test
    rows = dict(zip(QUESTIONS, zip(right.T, right_linear.T, strict=True), strict=True))
    rows["all four right"] = (right.all(axis=1), right_linear.all(axis=1))
    print(f"Questions about {len(x_test)} held-out digits: share answered right")
    print(f"{'':<20}{'network':>10}{'linear':>10}")
    scores = {}
    for name, (by_network, by_line) in rows.items():
        print(f"{name:<20}{by_network.mean():10.3f}{by_line.mean():10.3f}")
        scores[name] = float(by_network.mean())
        scores[name + ", linear"] = float(by_line.mean())
    return scores


if __name__ == "__main__":
    main()
