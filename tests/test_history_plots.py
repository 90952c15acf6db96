"""What a training recorded, and the pictures. Drawn on figures without pyplot."""

import itertools
import math
import pickle
import sys

import numpy as np
import pytest

from mlpcore import plots
from mlpcore.history import History

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

pytestmark = pytest.mark.usefixtures("tidy_pictures")


def make_history(n=5, **more):
    history = History()
    for epoch in range(n):
        logs = {"loss": 1 / (epoch + 1), "val_loss": 1.1 / (epoch + 1)}
        history.append(epoch, logs | more)
    return history


def test_append_keeps_the_names_given():
    history = make_history(2, learning_rate=0.5)
    assert history.epoch == [0, 1]
    assert history.history == {
        "loss": [1.0, 0.5],
        "val_loss": [1.1, 0.55],
        "learning_rate": [0.5, 0.5],
    }
    assert len(history) == 2


def test_append_turns_numpy_into_floats():
    history = History()
    history.append(np.int64(3), {"loss": np.float32(0.5)})
    assert type(history.epoch[0]) is int
    assert type(history.history["loss"][0]) is float


def test_a_name_that_comes_or_goes_has_nan():
    history = History()
    history.append(0, {"loss": 1.0})
    history.append(1, {"loss": 0.5, "val_loss": 0.6})
    history.append(2, {"val_loss": 0.4})
    assert history.history["val_loss"][1:] == [0.6, 0.4]
    assert math.isnan(history.history["val_loss"][0])
    assert math.isnan(history.history["loss"][2])


def test_append_of_a_non_number_changes_nothing():
    history = make_history(2)
    before = pickle.dumps(history)
    with pytest.raises((TypeError, ValueError)):
        history.append(2, {"loss": 0.1, "val_loss": "small"})
    assert pickle.dumps(history) == before


def test_repr():
    assert repr(History()) == "History(0 epochs)"
    assert repr(make_history(1)) == "History(1 epoch, loss 1, val_loss 1.1)"
    history = make_history(2, learning_rate=0.1, epoch_time=0.2)
    assert repr(history) == "History(2 epochs, loss 1 -> 0.5, val_loss 1.1 -> 0.55)"


def test_pickling():
    history = make_history(3, accuracy=0.5)
    assert pickle.loads(pickle.dumps(history)) == history


def test_plot_draws_the_losses():
    ax = Figure().subplots()
    assert make_history(5).plot(ax) is ax
    training, best, validation = ax.lines
    assert best.get_xydata().tolist() == [[5, 1.1 / 5]]
    assert training.get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert training.get_ydata().tolist() == make_history(5).history["loss"]
    assert validation.get_ydata().tolist() == make_history(5).history["val_loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Loss")
    assert len(ax.figure.axes) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Loss, training",
        "Loss, validation (best 0.22 in epoch 5)",
    ]


@pytest.mark.parametrize(("name", "label"), [("accuracy", "Accuracy"), ("r2", "R²")])
def test_plot_draws_a_score_on_a_second_axis(name, label):
    ax = make_history(5, **{name: 0.9, f"val_{name}": 0.8}).plot(Figure().subplots())
    right = ax.figure.axes[1]
    assert right.get_ylabel() == label
    assert len(right.lines) == 2
    assert all(line.get_linestyle() == "--" for line in right.lines)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == "Loss, training"
    assert labels[2:] == [f"{label}, training", f"{label}, validation"]
    ax.figure.canvas.draw()


def test_plot_makes_a_figure_and_shows_a_single_epoch_as_points():
    from matplotlib import pyplot

    ax = make_history(1).plot()
    assert ax.lines[0].get_marker() == "o"
    ax.figure.canvas.draw()
    assert pyplot.get_fignums() == [ax.figure.number]
    pyplot.close(ax.figure)


def test_plot_of_nothing():
    with pytest.raises(ValueError, match="no epoch has finished"):
        History().plot()
    history = History()
    history.append(0, {"learning_rate": 0.1})
    with pytest.raises(ValueError, match="no loss to draw, only: learning_rate"):
        history.plot(Figure().subplots())


def texts(ax):
    n = len(ax.get_xticks())
    cells = [text.get_text() for text in ax.texts]
    return [cells[i * n : (i + 1) * n] for i in range(n)]


def test_confusion_matrix_counts_true_by_predicted():
    ax = plots.confusion_matrix([0, 0, 0, 2], [0, 0, 1, 2], ax=Figure().subplots())
    assert texts(ax) == [["2", "1", "0"], ["0", "0", "0"], ["0", "0", "1"]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Predicted class", "True class")
    assert ax.get_title() == "Confusion matrix: 75.0% of 4 right"
    ax.figure.canvas.draw()


def test_confusion_matrix_normalized_sums_to_1_in_each_row():
    ax = plots.confusion_matrix(
        [0, 0, 0, 1], [0, 0, 1, 1], normalize=True, ax=Figure().subplots()
    )
    assert texts(ax) == [["0.67", "0.33"], ["0", "1.00"]]


def test_confusion_matrix_of_many_classes_has_names_apart():
    figure = Figure(figsize=(9, 9))
    ax = plots.confusion_matrix(range(120), range(120), ax=figure.subplots())
    figure.canvas.draw()
    boxes = [tick.get_window_extent() for tick in ax.get_xticklabels()]
    turned = {tick.get_rotation() for tick in ax.get_xticklabels()} == {45.0}
    assert turned or all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_confusion_matrix_of_labels_that_no_row_has():
    with pytest.raises(ValueError, match=r"no row has two of the labels \['one'"):
        plots.confusion_matrix([0, 1], [0, 1], labels=["one", "two"])


def test_confusion_matrix_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 7, (2, 300))
    ax = plots.confusion_matrix(true, predicted, ax=Figure().subplots())
    expected = metrics.confusion_matrix(true, predicted)
    assert np.array_equal(np.array(texts(ax), dtype=int), expected)


def test_confusion_matrix_labels_give_the_order_and_the_selection():
    true, predicted = ["cat", "dog", "cow"], ["cat", "cat", "cow"]
    ax = plots.confusion_matrix(
        true, predicted, labels=["dog", "cat"], ax=Figure().subplots()
    )
    assert texts(ax) == [["0", "1"], ["0", "1"]]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["dog", "cat"]


def test_confusion_matrix_text_stands_out():
    ax = plots.confusion_matrix(
        [0] * 9 + [1] * 2, [0] * 9 + [0, 1], ax=Figure().subplots()
    )
    # All of class 0 right: a dark cell. Half of class 1: light ones.
    colors = [text.get_color() for text in ax.texts]
    assert colors == ["white", "0.75", "black", "black"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0]), "y_true has 2 rows, y_pred has 1"),
        (([[0, 1]], [0]), r"y_true must be 1-D \(n,\), got shape \(1, 2\)"),
        (([], []), "y_true has 0 rows"),
        (([0.0, np.nan], [0.0, 1.0]), r"y_true contains NaN \(first at row 1\)"),
    ],
)
def test_confusion_matrix_of_bad_arrays(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion_matrix(*arguments)


def test_confusion_matrix_of_names_and_numbers():
    with pytest.raises(TypeError, match="one has names, the other numbers"):
        plots.confusion_matrix(["0", "1"], [0, 1])


def test_confusion_matrix_of_whole_floats_has_whole_names():
    ax = plots.confusion_matrix([1.0, 2.0], [1, 1], ax=Figure().subplots())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2"]


def test_confusion_matrix_of_many_classes():
    # Above 15 classes the zeros go; where a cell has no room for text, all of it.
    ax = plots.confusion_matrix(range(16), range(16), ax=Figure((9, 9)).subplots())
    assert [text.get_text() for text in ax.texts] == ["1"] * 16
    ax = plots.confusion_matrix(range(90), range(90), ax=Figure((6, 6)).subplots())
    assert len(ax.texts) == 0
    assert np.array_equal(ax.images[0].get_array(), np.eye(90))
    assert ax.figure.axes[1].get_ylabel() == "Share of the true class"
    assert len(ax.get_xticks()) < 60
    ax.figure.canvas.draw()


def test_confusion_matrix_shortens_long_names_in_the_middle():
    names = [f"a class with a name that would fill the page {i}" for i in range(3)]
    ax = plots.confusion_matrix(names, names, ax=Figure().subplots())
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert len(set(shown)) == 3
    assert all(len(name) <= 24 and "…" in name for name in shown)


def test_confusion_matrix_of_equal_labels():
    with pytest.raises(ValueError, match="labels must differ"):
        plots.confusion_matrix([0], [0], labels=[0, 0])


def test_misread_images_shows_the_surest_first():
    images = np.arange(5 * 16).reshape(5, 16)
    fig = plots.misread_images(
        images,
        [1, 2, 3, 4, 5],
        [1, 0, 3, 0, 0],
        probabilities=[0.9, 0.6, 0.9, 0.7, 0.8],
        n=2,
        fig=Figure(),
    )
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["5 read as 0\n(80% sure)", "4 read as 0\n(70% sure)"]
    assert fig.get_suptitle() == "3 of 5 misread, 2 shown"
    shown = fig.axes[0].images[0].get_array()
    assert np.array_equal(shown, images[4].reshape(4, 4))
    fig.canvas.draw()


def test_misread_images_says_100_percent_only_of_what_is_certain():
    fig = plots.misread_images(
        np.ones((4, 4)),
        [1, 1, 1, 1],
        [0, 0, 0, 0],
        probabilities=[0.994, 0.9951, 0.9996, 1.0],
        fig=Figure(),
    )
    shown = [ax.get_title().partition("(")[2] for ax in fig.axes]
    assert shown == ["100% sure)", ">99.9% sure)", "99.5% sure)", "99% sure)"]


@pytest.mark.parametrize("n_wrong", [0, 1, 6, 7, 12])
def test_misread_images_makes_a_picture_each(n_wrong):
    true = np.zeros(20, dtype=int)
    predicted = (np.arange(20) < n_wrong).astype(int)
    fig = plots.misread_images(np.ones((20, 3, 5)), true, predicted, fig=Figure())
    assert sum(len(ax.images) for ax in fig.axes) == n_wrong
    assert fig.get_suptitle() == f"{n_wrong} of 20 misread"
    fig.canvas.draw()


@pytest.mark.parametrize(
    ("images", "more", "message"),
    [
        (np.ones((2, 15)), {}, r"images must be .* got shape \(2, 15\)"),
        (np.ones((3, 16)), {}, "images has 3 rows, y_true has 2"),
        (np.ones((2, 16)), {"probabilities": [0.5]}, "probabilities has 1 rows"),
        (np.ones((2, 16)), {"probabilities": np.ones((2, 3))}, "must be 1-D"),
        (np.ones((2, 16)), {"n": 0}, "n must be an integer of 1 or more"),
    ],
)
def test_misread_images_of_bad_arguments(images, more, message):
    with pytest.raises(ValueError, match=message):
        plots.misread_images(images, [0, 1], [0, 0], **more)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: make_history().plot(),
        lambda: plots.confusion_matrix([0], [0]),
        lambda: plots.misread_images(np.ones((1, 4)), [0], [1]),
    ],
)
def test_without_matplotlib_the_error_names_the_extra(monkeypatch, draw):
    for name in [m for m in sys.modules if m.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "mlpcore\[plots\]"'):
        draw()
