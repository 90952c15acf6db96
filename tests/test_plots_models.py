"""Pictures of networks: their regions, weights and activations."""

import io
import subprocess
import sys

import numpy as np
import pytest

import mlpcore
from mlpcore import plots

pytest.importorskip("matplotlib")
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

pytestmark = pytest.mark.usefixtures("tidy_pictures")

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def new_axes():
    return Figure(layout="constrained").subplots()


def network_of(weights, biases, activation="identity", output="softmax", **more):
    sizes = [len(weights[0]), *(len(b) for b in biases)]
    net = mlpcore.Network(sizes, activation, output, dtype="float64", rng=0, **more)
    net.set_weights(weights, biases)
    return net


@pytest.fixture
def left_or_right():
    """Class 1 where the first of two features is above 1/2."""
    return network_of([[[-20.0, 20.0], [0.0, 0.0]]], [[10.0, -10.0]])


def regions(ax):
    """Return the colours of the picture at the corners of the data, as CORNERS."""
    image = ax.images[0]
    array, (x0, x1, y0, y1) = image.get_array(), image.get_extent()
    assert image.origin == "lower"
    n = len(array) - 1
    at = [
        (round((y - y0) / (y1 - y0) * n), round((x - x0) / (x1 - x0) * n))
        for x, y in CORNERS
    ]
    return [array[i, j] for i, j in at]


def test_decision_regions_have_the_colours_of_the_classes(left_or_right):
    ax = new_axes()
    assert plots.decision_regions(left_or_right, CORNERS, [0, 0, 1, 0], ax=ax) is ax
    left, _, right, top_right = regions(ax)
    np.testing.assert_allclose(
        left, (np.array(to_rgb(plots._shared.COLORS[0])) + 1) / 2
    )
    np.testing.assert_allclose(
        right, (np.array(to_rgb(plots._shared.COLORS[1])) + 1) / 2
    )
    np.testing.assert_allclose(top_right, right)
    # The classes meet at 1/2.
    (path,) = ax.collections[0].get_paths()
    np.testing.assert_allclose(path.vertices[:, 0], 0.5, atol=1e-6)
    of_class = [each.get_offsets().tolist() for each in ax.collections[2:]]
    assert of_class == [[[0, 0], [0, 1], [1, 1]], [[1, 0]]]
    assert ax.get_title() == "Decision regions: 75.0% of 4 right"
    ax.figure.canvas.draw()


def test_decision_regions_of_names_that_a_legend_leaves_out(left_or_right):
    names = ["_left", ""]
    ax = new_axes()
    plots.decision_regions(left_or_right, CORNERS, class_names=names, ax=ax)
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shown == [" _left", " "]


def test_decision_regions_of_one_sigmoid(left_or_right):
    net = network_of([[[40.0], [0.0]]], [[-20.0]], output="sigmoid")
    ax, wanted = new_axes(), new_axes()
    plots.decision_regions(net, CORNERS, [0, 0, 1, 1], ax=ax)
    plots.decision_regions(left_or_right, CORNERS, [0, 0, 1, 1], ax=wanted)
    np.testing.assert_allclose(
        ax.images[0].get_array(), wanted.images[0].get_array(), atol=1e-12
    )


def test_decision_regions_hold_the_other_features(left_or_right):
    # Class 1 where the third feature is above the second; the first is ignored.
    net = network_of([[[0.0, 0.0], [0.0, -9.0], [0.0, 9.0]]], [[0.0, 0.0]])
    X = np.array([[0.0, 5.0, 0.0], [1.0, 5.0, 1.0], [0.5, 8.0, 0.5]])
    ax = plots.decision_regions(net, X, features=(0, 2), ax=new_axes())
    assert ax.get_title() == "Decision regions\n1 other feature at the median"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Feature 0", "Feature 2")
    # All of the plane is below the median of 5, and so class 0.
    assert np.ptp(ax.images[0].get_array(), axis=(0, 1)).max() < 1e-6
    X[:, 1] = [0, 0, 1.5]
    ax = plots.decision_regions(net, X, features=(0, -1), held="mean", ax=new_axes())
    (path,) = ax.collections[0].get_paths()
    np.testing.assert_allclose(path.vertices[:, 1], 0.5, atol=1e-6)


def test_decision_regions_of_a_regression():
    net = network_of([[[2.0], [1.0]]], [[0.0]], output="identity")
    X = np.vstack([CORNERS, [[np.nan, 0.0]]])
    ax = plots.decision_regions(net, X, [0, 1, 2, 3, 4], ax=new_axes())
    assert (
        ax.get_title() == "Predicted value: R² 1 of 4 rows\n1 rows not finite, left out"
    )
    filled, points = ax.collections
    assert points.get_array().tolist() == [0, 1, 2, 3]
    assert filled.norm.vmin == points.norm.vmin <= -0.18
    assert filled.norm.vmax == points.norm.vmax >= 3.18
    # The contour where the output is 1 is the line 2 x + y = 1.
    assert ax.figure.axes[1].get_ylabel() == "Predicted value"
    ax.figure.canvas.draw()


def test_decision_regions_of_one_class_or_output_of_several(left_or_right):
    ax = plots.decision_regions(left_or_right, CORNERS, output=1, ax=new_axes())
    assert ax.get_title() == "Probability of class 1"
    ax = plots.decision_regions(
        Above(), CORNERS, ["no", "yes", "no", "yes"], output=1, ax=new_axes()
    )
    assert ax.get_title() == "Probability of class yes"
    assert ax.collections[1].get_array().tolist() == [0, 1, 0, 1]
    levels = ax.collections[0].levels
    assert (levels[0], levels[-1]) == (0, 1)
    net = network_of([[[2.0, 0.0], [1.0, 5.0]]], [[0.0, 0.0]], output="identity")
    y = CORNERS @ [[2, 0], [1, 5]]
    ax = plots.decision_regions(net, CORNERS, y, output=1, ax=new_axes())
    assert ax.get_title() == "Predicted value of output 1: R² 1 of 4 rows"
    net = network_of([[[40.0, 0.0], [0.0, 40.0]]], [[-20.0, -20.0]], output="sigmoid")
    ax = plots.decision_regions(net, CORNERS, CORNERS, output=1, ax=new_axes())
    assert ax.get_title() == "Decision regions of output 1: 100.0% of 4 right"
    with pytest.raises(ValueError, match="has 2 outputs; give output="):
        plots.decision_regions(net, CORNERS)
    with pytest.raises(ValueError, match="output must be below 2, got 2"):
        plots.decision_regions(net, CORNERS, output=2)


class Above:
    """An estimator of which all is known: "yes" where feature 1 is above 1/2."""

    classes_ = np.array(["no", "yes"])

    def predict(self, X):
        assert X.shape[1] == 2
        return self.classes_[(np.asarray(X)[:, 1] > 0.5).astype(int)]


def test_decision_regions_of_an_estimator_without_probabilities():
    ax = plots.decision_regions(
        Above(), CORNERS, ["no", "yes", "no", "no"], ax=new_axes()
    )
    bottom, top, *_ = regions(ax)
    assert np.abs(bottom - top).max() > 0.1
    assert ax.get_title() == "Decision regions: 75.0% of 4 right"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]


def test_decision_regions_of_pandas_and_scikit_learn():
    pandas = pytest.importorskip("pandas")
    linear_model = pytest.importorskip("sklearn.linear_model")
    frame = pandas.DataFrame({"a": [5.0] * 4, "b": CORNERS[:, 0], "c": CORNERS[:, 1]})
    # filterwarnings = error: an estimator warns of data without the names it knows.
    ridge = linear_model.Ridge(alpha=1e-9).fit(frame, CORNERS[:, 1])
    ax = plots.decision_regions(
        ridge, frame, CORNERS[:, 1], features=("c", "b"), ax=new_axes()
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("c", "b")
    assert ax.get_title().startswith("Predicted value: R² 1 of 4 rows")
    logistic = linear_model.LogisticRegression().fit(frame, [3, 3, 7, 7])
    ax = plots.decision_regions(
        logistic, frame, [3, 3, 7, 7], features=(1, 2), ax=new_axes()
    )
    assert ax.get_title().startswith("Decision regions: 100.0% of 4 right")


@pytest.mark.parametrize(
    ("X", "y", "more", "error", "message"),
    [
        (CORNERS[:, :1], None, {}, ValueError, "with two features or more"),
        (np.ones((4, 3)), None, {}, ValueError, "X has 3 features, but the model expe"),
        (np.ones((0, 2)), None, {}, ValueError, "X has 0 rows"),
        (CORNERS * np.nan, None, {}, ValueError, "no row of X is finite"),
        (CORNERS, [0, 1], {}, ValueError, r"y must have the shape \(4,\), got \(2,\)"),
        (CORNERS, [0, 1, 2, 0], {}, ValueError, "y contains class 2, which the model"),
        (CORNERS, None, {"features": (0, 2)}, ValueError, "different columns of 2, go"),
        (CORNERS, None, {"features": (1, 1)}, ValueError, r"of 2, got \(1, 1\)"),
        (CORNERS, None, {"features": (0, -2)}, ValueError, r"of 2, got \(0, -2\)"),
        (CORNERS, None, {"features": 1}, ValueError, "of 2, got 1"),
        (CORNERS, None, {"features": ("a", 1)}, ValueError, "there are no names"),
        (CORNERS, None, {"held": "max"}, ValueError, "unknown held 'max'"),
        (CORNERS, None, {"class_names": ["a"]}, ValueError, "2 names, got 1"),
        (CORNERS, None, {"resolution": 1}, ValueError, "resolution must be an integer"),
        (CORNERS, None, {"ax": 1}, TypeError, "ax must be matplotlib Axes, got int"),
    ],
)
def test_decision_regions_of_bad_arguments(left_or_right, X, y, more, error, message):
    with pytest.raises(error, match=message):
        plots.decision_regions(left_or_right, X, y, **more)


def test_decision_regions_of_what_cannot_predict():
    with pytest.raises(TypeError, match="fitted estimator with predict, got dict"):
        plots.decision_regions({}, CORNERS)
    net = mlpcore.Network([2, 30], rng=0)
    with pytest.raises(ValueError, match="30 classes, at most 20"):
        plots.decision_regions(net, CORNERS)


def test_twenty_classes_have_different_colours():
    net = mlpcore.Network([2, 20], rng=0)
    ax = plots.decision_regions(net, CORNERS, [0, 7, 15, 19], ax=new_axes())
    handles = ax.get_legend().legend_handles
    assert len({tuple(handle.get_facecolor()[0]) for handle in handles}) == 20


def test_first_layer_weights_are_images_of_one_symmetric_scale():
    weights = np.array([[0.1, 3.0, 0.5], [0.2, 0, 0.5], [0.3, 0, 0.5], [0.4, 0, 2]])
    net = network_of([weights], [[0.0] * 3])
    figure = Figure()
    assert plots.first_layer_weights(net, n=2, fig=figure) is figure
    images = [ax.images[0] for ax in figure.axes[:2]]
    assert [ax.get_title() for ax in figure.axes[:2]] == ["unit 1", "unit 2"]
    np.testing.assert_array_equal(images[0].get_array(), [[3, 0], [0, 0]])
    np.testing.assert_array_equal(images[1].get_array(), [[0.5, 0.5], [0.5, 2]])
    assert {image.get_clim() for image in images} == {(-3.0, 3.0)}
    assert figure.get_suptitle() == "First layer: weights of the 2 strongest of 3 units"
    figure.canvas.draw()


def test_first_layer_weights_of_a_shape():
    net = mlpcore.Network([6, 2], rng=0)
    figure = plots.first_layer_weights(net, image_shape=(2, 3), fig=Figure())
    assert figure.axes[0].images[0].get_array().shape == (2, 3)
    assert figure.get_suptitle() == "First layer: weights of all 2 units"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, r"6 inputs are no square image; give image_shape=\(height, width\)"),
        ({"image_shape": (2, 2)}, r"\(2, 2\) has 4 pixels, the network has 6 inputs"),
        ({"image_shape": 6}, r"image_shape must be \(height, width\), got 6"),
        ({"image_shape": (-2, -3)}, r"image_shape\[0\] must be an integer of 1"),
        ({"image_shape": (2, 3), "n": 0}, "n must be an integer of 1 or more"),
    ],
)
def test_first_layer_weights_of_bad_arguments(more, message):
    with pytest.raises(ValueError, match=message):
        plots.first_layer_weights(mlpcore.Network([6, 2], rng=0), **more)


def test_network_draws_every_weight_and_bias():
    net = network_of(
        [[[1.0, -2.0]], [[4.0], [0.0]]], [[0.5, -0.5], [0.25]], "tanh", "sigmoid"
    )
    ax = new_axes()
    drawn = plots.network(net, feature_names=["x"], class_names=["yes"], ax=ax)
    assert drawn is ax
    first, second, inputs, units = ax.collections
    # The small ones first: 1 and -2, then 0 and 4.
    assert first.get_segments()[1][0].tolist() == [0.0, 0.0]
    (pale_red, blue), (white, red) = first.get_colors(), second.get_colors()
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert pale_red[0] > pale_red[2]
    assert white[:3].min() > 0.96
    widths = [*first.get_linewidths(), *second.get_linewidths()]
    assert widths[2] < widths[0] < widths[1] < widths[3]
    np.testing.assert_allclose(np.diff(sorted(widths)), [0.95, 0.95, 1.9])
    assert len(inputs.get_offsets()) == 1
    assert units.get_offsets()[:, 0].tolist() == [1, 1, 2]
    assert units.get_array().tolist() == [0.5, -0.5, 0.25]
    assert (units.norm.vmin, units.norm.vmax) == (-0.5, 0.5)
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["inputs\n1", "tanh\n2", "sigmoid\n1", "x", "yes"]
    assert ax.get_title() == "Network 1-2-1: 7 parameters"
    ax.figure.canvas.draw()


def test_network_of_the_estimators():
    neural_network = pytest.importorskip("sklearn.neural_network")
    theirs = neural_network.MLPClassifier((3,), solver="lbfgs", max_iter=200)
    theirs.fit(CORNERS, [0, 1, 1, 0])
    ax = plots.network(theirs, ax=new_axes())
    assert ax.get_title() == "Network 2-3-1: 13 parameters"
    assert [text.get_text() for text in ax.texts] == [
        "inputs\n2",
        "relu\n3",
        "logistic\n1",
    ]


@pytest.mark.parametrize(
    ("sizes", "more", "message"),
    [
        ([33, 2], {}, r"layers \[33, 2\] .* too large .* at most 32 units a layer"),
        ([30, 30, 30], {}, "1,800 weights is too large .* and 1,500 weights"),
        ([2, 3], {"feature_names": ["a"]}, "feature_names must have 2 names, got 1"),
        ([2, 3], {"class_names": ["a"]}, "class_names must have 3 names, got 1"),
    ],
)
def test_network_that_cannot_be_drawn(sizes, more, message):
    with pytest.raises(ValueError, match=message):
        plots.network(mlpcore.Network(sizes, rng=0), **more)


def test_pictures_of_what_is_no_network():
    for draw in (plots.network, plots.first_layer_weights):
        with pytest.raises(TypeError, match="net must be a Network or a fitted"):
            draw("network")
    with pytest.raises(TypeError, match="net must be a Network, got str"):
        plots.activations("network", CORNERS)


def test_weights_that_are_not_finite_are_not_drawn():
    net = mlpcore.Network([4, 2], rng=0)
    net.set_weights([np.full((4, 2), np.nan)], [np.zeros(2)])
    for draw in (plots.network, plots.first_layer_weights):
        with pytest.raises(ValueError, match="are not all finite"):
            draw(net)


def test_activations_show_percentiles_and_what_is_dead():
    # Units: the input, minus it, and never above 0.
    net = network_of([[[1.0, -1.0, 0.0]]], [[0.0, 0.0, -1.0]], output="relu")
    X = np.arange(-10.0, 11.0)[:, None]
    ax = new_axes()
    assert plots.activations(net, X, ax=ax) is ax
    outputs = np.maximum(np.hstack([X, -X, 0 * X - 1]), 0)
    box = ax.patches[0].get_path().get_extents()
    assert [box.x0, box.x1] == np.percentile(outputs, [25, 75]).tolist()
    assert [text.get_text() for text in ax.texts] == [
        f"{(outputs == 0).mean():.0%} zero\n1 of 3 dead on these rows"
    ]
    ax.figure.canvas.draw()


def test_activations_show_what_is_saturated():
    net = network_of([[[1.0]], [[1.0]]], [[0.0], [0.0]], "tanh", "sigmoid")
    ax = plots.activations(net, [[-9.0], [0.0], [0.1], [9.0]], ax=new_axes())
    assert [text.get_text() for text in ax.texts] == ["50% saturated", "0% saturated"]
    with pytest.raises(ValueError, match="X has 0 rows"):
        plots.activations(net, np.ones((0, 1)))


def test_an_error_leaves_no_figure_behind():
    # The fixture looks; here the errors come without axes being given.
    with pytest.raises(ValueError, match="too large"):
        plots.network(mlpcore.Network([99, 2], rng=0))
    with pytest.raises(ValueError, match="no square"):
        plots.first_layer_weights(mlpcore.Network([7, 2], rng=0))


@pytest.mark.parametrize(
    "draw",
    [
        lambda net: plots.decision_regions(net, CORNERS, [0, 1, 1, 0]),
        lambda net: plots.network(net),
        lambda net: plots.activations(net, CORNERS),
        lambda net: plots.first_layer_weights(net, image_shape=(1, 2)).axes[0],
    ],
)
def test_new_figures_are_pyplots_and_nothing_is_cut_off(draw):
    from matplotlib import pyplot

    figure = draw(mlpcore.Network([2, 4, 3], rng=0)).figure
    assert pyplot.get_fignums() == [figure.number]
    figure.canvas.draw()
    seen = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert seen.x0 >= -0.01
    assert seen.y0 >= -0.01
    assert seen.x1 <= width + 0.01
    assert seen.y1 <= height + 0.01
    pyplot.close(figure)


def test_matplotlib_is_not_imported_until_something_is_drawn():
    code = (
        "import sys, mlpcore; mlpcore.plots.network; "
        "assert not any(m.startswith('matplotlib') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dollars_in_names_are_dollars():
    names = ["under $10", r"$\frac{$", "$5 to $6"]
    net = mlpcore.Network([2, 4, 3], rng=0)
    figure = Figure(layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    named = {"feature_names": names[:2], "class_names": names}
    plots.network(net, **named, ax=left)
    plots.decision_regions(net, CORNERS, [0, 1, 2, 0], **named, ax=middle)
    plots.confusion_matrix(names, names, ax=right)
    figure.savefig(io.BytesIO())  # formulas are read when they are drawn
    shown = [
        middle.get_xlabel(),
        *(text.get_text() for text in middle.get_legend().get_texts()),
        *(label.get_text() for label in right.get_yticklabels()),
    ]
    assert [text.replace(r"\$", "$") for text in shown] == [
        names[0],
        *names,
        *sorted(names),
    ]
