"""What a notebook shows: networks, histories, and a bar that is redrawn.

A real kernel runs the cells; no browser looks at what comes.
"""

import re
import sys
import types
from html.parser import HTMLParser

import pytest

import mlpcore
from fake_trainer import FakeTrainer
from mlpcore.callbacks import ProgressBar, progress
from mlpcore.callbacks._notebook import in_notebook
from mlpcore.history import History

CELLS = {
    "network": """
import time
import mlpcore
net = mlpcore.Network([2, 8, 2], "tanh", rng=0)
net
""",
    "fit": """
wait = mlpcore.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: time.sleep(0.02)
)
X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
history = net.fit(X, y, epochs=40, verbose=1, callbacks=[wait])
print("after")
""",
    "history": "history",
    "interrupted": """
def stop(epoch, logs):
    if epoch == 3:
        raise KeyboardInterrupt
stop = mlpcore.callbacks.LambdaCallback(on_epoch_end=stop)
try:
    net.fit(X, y, epochs=8, verbose=1, callbacks=[stop])
except KeyboardInterrupt:
    pass
""",
    "file": """
import io
file = io.StringIO()
net.fit(X, y, epochs=2, callbacks=[mlpcore.callbacks.ProgressBar(file)])
print(file.getvalue())
""",
}


@pytest.fixture(scope="module")
def notebook():
    """Run the cells; return the outputs of each, and how many redraws there were."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")

    class Client(nbclient.NotebookClient):
        redraws = 0

        def process_message(self, msg, cell, cell_index):
            self.redraws += msg["msg_type"] == "update_display_data"
            return super().process_message(msg, cell, cell_index)

    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(code) for code in CELLS.values()]
    client = Client(book, timeout=60, kernel_name="python3")
    client.execute()
    outputs = {name: cell.outputs for name, cell in zip(CELLS, book.cells, strict=True)}
    return outputs, client.redraws


class Text(HTMLParser):
    """The text of HTML, and a failure if an element is not closed."""

    def __init__(self, source):
        super().__init__()
        self.texts, self.open_elements = [], []
        self.feed(source)
        assert self.open_elements == []

    def handle_starttag(self, tag, attributes):
        self.open_elements.append(tag)
        # Colours of its own would be unreadable in one of the themes.
        assert "background" not in dict(attributes).get("style", "")
        assert tag != "script"

    def handle_endtag(self, tag):
        assert self.open_elements.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_bar_is_one_output_that_is_redrawn(notebook):
    outputs, redraws = notebook
    shown, after = outputs["fit"]
    assert shown.output_type == "display_data"
    assert after.text == "after\n"
    assert '<progress value="1.0000"' in shown.data["text/html"]
    text = "".join(Text(shown.data["text/html"]).texts)
    assert re.search(r"40/40  loss 0\.\d{4}  accuracy \d\.\d{4}  \S+ rows/s", text)
    assert shown.data["text/plain"].startswith("epoch 40/40  loss 0.")
    # 40 epochs of 20 ms are some 8 drawings at ten a second; a slow machine has more.
    assert 3 <= redraws <= 42


def test_the_bar_of_an_interrupted_training_stays_where_it_was(notebook):
    (shown,) = notebook[0]["interrupted"]
    assert '<progress value="0.3750"' in shown.data["text/html"]
    assert shown.data["text/plain"].startswith("epoch 3/8")


def test_a_file_gets_lines_in_a_notebook_too(notebook):
    (shown,) = notebook[0]["file"]
    assert shown.output_type == "stream"
    assert shown.text.startswith("epoch 1/2  loss 0.")


def test_a_network_and_a_history_are_shown_as_tables(notebook):
    for name, rows in (("network", 3), ("history", 4)):
        (shown,) = notebook[0][name]
        assert shown.output_type == "execute_result"
        assert shown.data["text/html"].count("<tr>") == rows


def test_html_of_a_network():
    net = mlpcore.Network([4, 10, 3], "tanh", dropout=0.25, rng=0)
    texts = Text(net._repr_html_()).texts
    assert texts == [
        "Network",
        ": 83 parameters (332 bytes, float32), loss log_loss",
        *("layer", "activation", "shape", "parameters"),
        *("hidden 1", "tanh, dropout 0.25", "4 x 10", "50"),
        *("output", "softmax", "10 x 3", "33"),
    ]


def test_html_of_a_history():
    history = History()
    for epoch, (loss, accuracy) in enumerate([(2.0, 0.5), (0.5, 0.75), (0.5, 0.75)]):
        logs = {"loss": loss, "val_accuracy": accuracy, "<b>": 1.0, "epoch_time": 0.5}
        history.append(epoch, logs)
    texts = Text(history._repr_html_()).texts
    assert texts == [
        "History",
        ": 3 epochs, 1.5 s",
        *("first", "last", "best", "in epoch"),
        *("loss", "2", "0.5", "0.5", "2"),
        *("val_accuracy", "0.5", "0.75", "0.75", "2"),
        *("<b>", "1", "1"),
    ]


def test_html_of_a_history_of_nothing_and_of_nan():
    assert Text(History()._repr_html_()).texts[:2] == ["History", ": 0 epochs"]
    history = History()
    history.append(0, {"loss": float("nan")})
    assert Text(history._repr_html_()).texts[-3:] == ["loss", "nan", "nan"]


def test_repr_of_a_trainer_has_what_it_has_done():
    trainer = mlpcore.Trainer(mlpcore.Network([1, 2], rng=0), mlpcore.optim.SGD(0.5))
    trainer.fit([[0.0], [1.0], [2.0]], [0, 1, 1], epochs=2, batch_size=2)
    assert repr(trainer) == (
        "Trainer(Network([1, 2], output='softmax', loss='log_loss', dtype='float32'), "
        "SGD(learning_rate=0.5, momentum=0.0, nesterov=False); 2 epochs, 4 steps done)"
    )


def test_the_bar_moves_within_an_epoch(monkeypatch):
    drawn = []

    class Handle:
        def update(self, data, raw):
            drawn.append(data)

    def display(data, raw, display_id):
        drawn.append(data)
        return Handle()

    shell = types.SimpleNamespace(kernel=None)
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    shown = types.SimpleNamespace(display=display)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    monkeypatch.setattr(progress, "_BAR_SECONDS", 0.0)
    FakeTrainer().run(ProgressBar(), [{"loss": 1.0}], n_batches=4)
    values = [re.search(r'value="([\d.]+)"', data["text/html"])[1] for data in drawn]
    assert values[:4] == ["0.2500", "0.5000", "0.7500", "1.0000"]


@pytest.mark.parametrize("shell", [None, object()])
def test_ipython_in_a_terminal_is_no_notebook(monkeypatch, capsys, shell):
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not in_notebook()
    FakeTrainer().run(ProgressBar(), [{"loss": 1.0}])
    assert "epoch 1/1  loss 1.0000" in capsys.readouterr().err
