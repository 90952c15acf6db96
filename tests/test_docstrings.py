"""The examples in the docstrings of the pure Python modules run as shown."""

import doctest
import importlib

import pytest

MODULES = [
    "_arguments",
    "_names",
    "callbacks.base",
    "callbacks.checkpoint",
    "callbacks.csv_logger",
    "callbacks.early_stopping",
    "callbacks.progress",
    "callbacks.reduce_lr",
    "history",
    "optim",
    "schedules",
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    result = doctest.testmod(importlib.import_module(f"mlpcore.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
