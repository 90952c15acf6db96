"""A comparison of mlpcore with other libraries that anyone can run.

``python -m mlpcore.bench`` measures predictions and training on networks of many sizes,
the same for all: each library in a process of its own, in turns of a tenth of a second,
so that a drift of the clock is shared. It checks that all compute the same, and shows
losses as it shows wins. ``pip install mlpcore[bench]`` installs the rivals.
"""

from ._command import main
from ._contest import run_contest
from ._results import Effort

__all__ = ["Effort", "main", "run_contest"]
