"""What `train` says of columns that look like numbers, and are not."""

import numpy as np
import pandas as pd

from command_line_support import FEW, run


def test_columns_that_are_numbers_but_for_a_few(table_folder, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60).round(3)}).astype(str)
    frame["comma"] = frame["x"].str.replace(".", ",")
    frame["half"] = ["1", "one"] * 30
    frame["date"] = "2024-05-01"
    frame["y"] = ["a", "b", "b"] * 20
    frame.loc[7, "x"] = "1.2.3"
    frame.loc[8, "x"] = None
    frame.to_csv("few.csv", sep=";", index=False)
    arguments = ("train", "few.csv", "--target", "y", "-o", "m", *FEW)
    arguments += ("--separator", ";")
    code, _, err = run(capsys, *arguments)
    assert code == 0
    lines = [line for line in err.splitlines() if "column '" in line]
    assert lines == [
        "mlpcore: column 'x' is read as text, because '1.2.3' in row 7 is no number; "
        "58 of its 59 values are",
        "mlpcore: column 'comma' is read as text: its numbers are written with a comma "
        f"({frame['comma'][0]!r}), not a point",
    ]
    known = ("--categorical", "x", "--drop", "comma")
    assert "column '" not in run(capsys, *arguments, *known)[2]
