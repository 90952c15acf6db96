"""A trainer and a network that need no native code, to drive the callbacks."""

import numpy as np

from mlpcore.callbacks import Callback
from mlpcore.callbacks.base import CallbackList


class FakeNetwork:
    """Its only parameter is the number of the last epoch trained."""

    def __init__(self):
        self.parameters = np.array([-1.0])
        self.saved = []

    def get_parameters(self):
        return self.parameters.copy()

    def set_parameters(self, flat):
        self.parameters = flat.copy()

    def save(self, path):
        self.saved.append(str(path))


class FakeTrainer:
    """Goes through the epochs as the real one does, with the logs it is given."""

    def __init__(self):
        self.network = FakeNetwork()
        self.learning_rate_scale = 1.0
        self.stop_training = False
        self.params = {}

    def run(self, callbacks, logs_by_epoch, *, n_batches=3, fail_at=None, rate=0.1):
        """Return the number of epochs done."""
        self.stop_training = False
        self.params = {
            "epochs": len(logs_by_epoch),
            "steps": n_batches,
            "rows": 10 * n_batches,
        }
        epoch = -1
        with CallbackList(callbacks, self) as hooks:
            for epoch, logs in enumerate(logs_by_epoch):
                hooks.on_epoch_begin(epoch)
                if epoch == fail_at:
                    raise KeyboardInterrupt
                self.network.parameters[:] = epoch
                if hooks.wants_progress:
                    for batch in range(1, n_batches + 1):
                        hooks.on_progress(epoch, batch, n_batches, 0.5)
                logs = dict(logs, learning_rate=rate * self.learning_rate_scale)
                hooks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        return epoch + 1


def losses(*values, name="val_loss"):
    return [{name: value} for value in values]


class Recorder(Callback):
    def __init__(self, calls, name, fail_in=()):
        self.calls, self.name, self.fail_in = calls, name, fail_in

    def _call(self, hook):
        self.calls.append((self.name, hook))
        if hook in self.fail_in:
            raise RuntimeError(f"{self.name} in {hook}")

    def on_train_begin(self, logs):
        self._call("train_begin")

    def on_train_end(self, logs):
        self._call("train_end")

    def on_epoch_begin(self, epoch, logs):
        self._call("epoch_begin")

    def on_epoch_end(self, epoch, logs):
        self._call("epoch_end")
