"""Loss curves, predicted against true, reliability: the numbers that are drawn."""

import numpy as np
import pytest

from mlpcore import plots
from mlpcore.history import History

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

pytestmark = pytest.mark.usefixtures("tidy_pictures")


def new_axes():
    return Figure(layout="constrained").subplots()


def history_of(**columns):
    history = History()
    for epoch, values in enumerate(zip(*columns.values(), strict=True)):
        history.append(epoch, dict(zip(columns, values, strict=True)))
    return history


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


FALLS = history_of(loss=[3.0, 2.0, 1.0], val_loss=[3.0, 1.5, 2.5])
RISES = history_of(loss=[4.0, 2.0, 0.5], accuracy=[0.2, 0.9, 0.8])


def test_loss_curves_of_one():
    ax = new_axes()
    assert plots.loss_curves(FALLS, ax=ax) is ax
    training, best, validation = ax.lines
    assert training.get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert validation.get_ydata().tolist() == [3, 1.5, 2.5]
    assert best.get_xydata().tolist() == [[2, 1.5]]
    assert legend(ax) == ["Training", "Validation (best 1.5 in epoch 2)"]
    ax.figure.canvas.draw()


def test_loss_curves_side_by_side():
    ax = plots.loss_curves({"small": RISES, "large": FALLS}, ax=new_axes())
    assert legend(ax) == [
        "small (best 0.5 in epoch 3)",
        "large (best 1 in epoch 3)",  # of the training data, as the other's
        "training data",
        "validation data",
    ]
    both = plots.loss_curves({"a": FALLS, "b": FALLS}, ax=new_axes())
    assert legend(both)[:2] == [f"{x} (best 1.5 in epoch 2)" for x in "ab"]
    solid = [line for line in ax.lines if line.get_linestyle() == "-"]
    broken = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata().tolist() for line in solid] == [
        [4, 2, 0.5],
        [3, 2, 1],
        [],
    ]
    assert broken[0].get_ydata().tolist() == [3, 1.5, 2.5]
    assert broken[0].get_color() == solid[1].get_color() != solid[0].get_color()
    ax.figure.canvas.draw()


def test_loss_curves_of_names_that_a_legend_leaves_out():
    histories = {"_a": RISES, "": RISES, "b": RISES}
    ax = plots.loss_curves(histories, mark_best=False, ax=new_axes())
    assert legend(ax) == [" _a", " ", "b"]


def test_loss_curves_of_a_score_mark_the_largest():
    ax = plots.loss_curves([RISES], quantity="accuracy", ax=new_axes())
    assert legend(ax) == ["training 1 (best 0.9 in epoch 2)"]
    assert ax.get_ylabel() == "Accuracy"
    ax = plots.loss_curves(RISES, quantity="accuracy", mark_best=False, ax=new_axes())
    assert legend(ax) == ["Training"]
    assert len(ax.lines) == 1


def test_loss_curves_of_one_epoch_are_points_at_1():
    ax = plots.loss_curves([history_of(loss=[2.0], val_loss=[1.0])], ax=new_axes())
    training, validation = ax.lines[:2]
    assert (training.get_marker(), validation.get_marker()) == ("o", "D")
    ax.figure.canvas.draw()
    assert "1" in [tick.get_text() for tick in ax.get_xticklabels()]
    assert "0.96" not in [tick.get_text() for tick in ax.get_xticklabels()]


@pytest.mark.parametrize("losses", [[2.0, 1.0, 0.5], [100.0, 1.0, 1e-5]])
def test_loss_curves_on_a_logarithmic_scale_have_plain_numbers(losses):
    ax = plots.loss_curves(history_of(loss=losses), log=True, ax=new_axes())
    assert ax.get_yscale() == "log"
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    shown = {
        tick.get_text()
        for tick in ax.get_yticklabels()
        if low <= tick.get_position()[1] <= high
    }
    assert {"1"} < shown
    assert all(f"{float(text):g}" == text for text in shown)


def test_loss_curves_join_over_missing_epochs():
    nan = float("nan")
    history = history_of(loss=[4.0, 3.0, 2.0, 1.0], val_loss=[nan, 5.0, nan, 4.0])
    ax = plots.loss_curves(history, ax=new_axes())
    assert ax.lines[-1].get_xydata().tolist() == [[2, 5], [4, 4]]


@pytest.mark.parametrize(
    ("histories", "more", "error", "message"),
    [
        (History(), {}, ValueError, "histories is empty"),
        ([FALLS, History()], {}, ValueError, r"histories\['training 2'\] is empty"),
        ({}, {}, ValueError, "histories has no history"),
        (3, {}, TypeError, "must be a History, or a mapping .* got int"),
        ([{}], {}, TypeError, r"histories\['training 1'\] must be a History, got dict"),
        (FALLS, {"quantity": "los"}, ValueError, "unknown quantity 'los', did you mea"),
        (history_of(loss=[0.0]), {"log": True}, ValueError, "above 0"),
        (history_of(loss=[np.inf]), {}, ValueError, "no finite value"),
        (FALLS, {"log": 1}, TypeError, "log must be True or False"),
        (FALLS, {"ax": "axes"}, TypeError, "ax must be matplotlib Axes, got str"),
    ],
)
def test_loss_curves_of_bad_arguments(histories, more, error, message):
    with pytest.raises(error, match=message):
        plots.loss_curves(histories, **more)


def test_predicted_against_true():
    ax = new_axes()
    true, predicted = [1.0, 2.0, 3.0], [1.0, 2.5, 2.5]
    assert plots.predicted_against_true(true, predicted, ax=ax) is ax
    assert ax.collections[0].get_offsets().tolist() == [[1, 1], [2, 2.5], [3, 2.5]]
    assert ax.get_title() == "R² 0.75, MAE 0.3333"
    assert ax.get_xlim() == ax.get_ylim()
    line = ax.lines[0]
    assert (line.get_xy1()[0] - line.get_xy1()[1], line.get_slope()) == (0, 1)
    ax.figure.canvas.draw()


def test_predicted_against_true_leaves_out_what_is_not_finite():
    ax = plots.predicted_against_true(
        [1, 2, np.nan, 4], [1.0, 2.0, 3.0, np.inf], ax=new_axes()
    )
    assert ax.get_title() == "R² 1, MAE 0\n2 of 4 rows not finite, left out"
    assert len(ax.collections[0].get_offsets()) == 2


@pytest.mark.parametrize(
    ("n", "kind", "counted"),
    [(2000, "auto", False), (2001, "auto", True), (5, "hexbin", True)],
)
def test_predicted_against_true_counts_many(n, kind, counted):
    values = np.linspace(0, 1, n)
    ax = plots.predicted_against_true(values, values, kind=kind, ax=new_axes())
    array = ax.collections[0].get_array()
    assert (array is not None) is counted
    if counted:
        assert array.sum() == n


def test_predicted_against_true_of_one_value():
    ax = plots.predicted_against_true([5.0], [[5.0]], ax=new_axes())
    low, high = ax.get_xlim()
    assert low < 5 < high


def test_predicted_against_true_of_several_outputs():
    from matplotlib import pyplot

    true = np.arange(10.0).reshape(5, 2)
    axes = plots.predicted_against_true(true, true + np.array([0, 1]), names=["a", "b"])
    assert [ax.get_title() for ax in axes] == ["a\nR² 1, MAE 0", "b\nR² 0.875, MAE 1"]
    pyplot.close(axes[0].figure)
    given = Figure().subplots(1, 2)
    assert plots.predicted_against_true(true, true, ax=given).tolist() == given.tolist()


@pytest.mark.parametrize(
    ("true", "predicted", "more", "error", "message"),
    [
        ([1, 2], [1], {}, ValueError, r"y_true has the shape \(2,\), y_pred \(1,\)"),
        ([], [], {}, ValueError, "y_true has 0 rows"),
        (np.ones((1, 1, 1)), [1], {}, ValueError, r"1-D \(n,\) or 2-D"),
        (["a"], ["b"], {}, TypeError, "y_true must be numeric"),
        ([np.nan], [1.0], {}, ValueError, "no row of y_true and y_pred is finite"),
        ([1], [1], {"kind": "hex"}, ValueError, "unknown kind 'hex', did you mean 'he"),
        ([1], [1], {"names": ["a", "b"]}, ValueError, "names must have 1 names, got 2"),
        ([1], [1], {"names": "a"}, TypeError, "names must be a sequence of 1 names"),
        ([[1, 2]], [[1, 2]], {"ax": 3}, ValueError, "axes for 2 outputs, got 1"),
        ([1], [1], {"ax": 3}, TypeError, "ax must be matplotlib Axes, got int"),
    ],
)
def test_predicted_against_true_of_bad_arguments(true, predicted, more, error, message):
    with pytest.raises(error, match=message):
        plots.predicted_against_true(true, predicted, **more)


def drawn(ax):
    return ax.containers[-1].lines[0].get_xydata()


def test_reliability_diagram_agrees_with_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(0)
    prob = rng.random(500)
    true = rng.random(500) < prob**2
    ax = new_axes()
    assert plots.reliability_diagram(true, prob, n_bins=7, ax=ax) is ax
    share, confidence = calibration.calibration_curve(true, prob, n_bins=7)
    np.testing.assert_allclose(drawn(ax), np.stack([confidence, share], axis=1))
    ax.figure.canvas.draw()


def test_reliability_diagram_in_numbers():
    # Three rows of 0.2, one of which came true; one of 1.0, the last bin's edge.
    ax = plots.reliability_diagram(
        [0, 1, 0, 1], [[0.2], [0.2], [0.2], [1.0]], n_bins=5, ax=new_axes()
    )
    np.testing.assert_allclose(drawn(ax), [[0.2, 1 / 3], [1, 1]])
    assert ax.get_title() == "Reliability: expected calibration error 10.0%"
    heights = ax.child_axes[0].patches[0].get_xy()[:, 1]
    assert heights.max() == 3
    # Wilson's interval of 1 in 3 and of 1 in 1, from the formula.
    ends = [segment[:, 1] for segment in ax.containers[0].lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[0.0615, 0.7923], [0.2065, 1.0]], atol=2e-4)


def test_reliability_diagram_bins_as_the_histogram_below_does():
    # A probability on an edge belongs to the bin above.
    ax = plots.reliability_diagram([0, 1], [0.5, 0.9], n_bins=2, ax=new_axes())
    np.testing.assert_allclose(drawn(ax), [[0.7, 0.5]])
    assert ax.child_axes[0].patches[0].get_xy()[:, 1].max() == 2


def test_reliability_diagram_of_classes_takes_the_surest():
    prob = [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.5, 0.2, 0.3]]
    ax = plots.reliability_diagram([1, 0, 2], prob, ax=new_axes())
    np.testing.assert_allclose(drawn(ax), [[0.5, 0.5], [0.7, 1]])
    assert "predicted class" in ax.child_axes[0].get_xlabel()


def test_reliability_diagrams_on_the_same_axes():
    ax = plots.reliability_diagram([0, 1], [0.0, 1.0], label="a", ax=new_axes())
    plots.reliability_diagram([0, 1], [0.5, 0.5], label="b", ax=ax)
    assert legend(ax) == ["calibrated", "a: error 0.0%", "b: error 0.0%"]
    assert len(ax.child_axes) == 1
    colors = [container.lines[0].get_color() for container in ax.containers]
    assert colors[0] != colors[1]


def test_reliability_diagram_of_a_name_that_a_legend_leaves_out():
    ax = plots.reliability_diagram([0, 1], [0.0, 1.0], label="_a", ax=new_axes())
    assert legend(ax) == ["calibrated", " _a: error 0.0%"]


def test_reliability_diagram_fits_into_its_figure():
    from matplotlib import pyplot

    ax = plots.reliability_diagram([0, 1], [0.2, 0.8])
    figure = ax.figure
    figure.canvas.draw()
    label = ax.child_axes[0].xaxis.label.get_window_extent()
    assert label.y0 >= 0
    assert ax.title.get_window_extent().y1 <= figure.bbox.y1
    pyplot.close(figure)


@pytest.mark.parametrize(
    ("true", "prob", "more", "message"),
    [
        ([0, 1], [0.5], {}, "y_true has 2 rows, y_prob has 1"),
        ([], [], {}, "y_true has 0 rows"),
        ([0], [1.5], {}, r"y_prob must be in \[0, 1\], got 1.5 at row 0"),
        ([0], [np.nan], {}, "y_prob contains NaN"),
        ([0, 2], [0.5, 0.5], {}, "class indices from 0 to 1, got 2 at row 1"),
        ([3], [[0.5, 0.2, 0.3]], {}, "class indices from 0 to 2, got 3 at row 0"),
        ([[0]], [0.5], {}, r"y_true must be 1-D \(n,\), got shape \(1, 1\)"),
        ([0], [[[0.5]]], {}, "y_prob must be 1-D"),
        ([0], [0.5], {"n_bins": 0}, "n_bins must be an integer of 1 or more"),
    ],
)
def test_reliability_diagram_of_bad_arguments(true, prob, more, message):
    with pytest.raises(ValueError, match=message):
        plots.reliability_diagram(true, prob, **more)
