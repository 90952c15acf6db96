"""CSV files that are not what they seem, or written as others write them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from command_line_support import FEW, refused, run


def test_columns_that_are_numbers_but_for_a_few(table_folder, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60).round(3)}).astype(str)
    frame["comma"] = frame["x"].str.replace(".", ",")
    frame["half"] = ["1", "one"] * 30
    frame["date"] = "2024-05-01"
    frame["y"] = ["a", "b", "b"] * 20
    frame["question"] = frame["x"]
    frame["day"] = frame["date"]
    frame["tag"] = "01.05.2024"
    frame.loc[7, "x"] = "1.2.3"
    frame.loc[[9, 11], "x"] = "none"
    frame.loc[[7, 9], "question"] = "?"
    frame.loc[3, "day"] = "unknown"
    frame.loc[8, "x"] = None
    frame.to_csv("few.csv", sep=";", index=False)
    arguments = ("train", "few.csv", "--target", "y", "-o", "m", *FEW)
    arguments += ("--separator", ";", "--holdout", "0", "--validation", "0")
    code, _, err = run(capsys, *arguments)
    assert code == 0
    lines = [line for line in err.splitlines() if "column '" in line]
    assert lines == [
        "mlpcore: column 'x' is read as text, because '1.2.3' in row 7 is no number; "
        "56 of its 59 values are",
        "mlpcore: column 'comma' is read as text: its numbers are written with a comma "
        f"({frame['comma'][0]!r}; --decimal ',')",
        "mlpcore: column 'question' is read as text, because '?' in row 7 is no "
        "number; 58 of its 60 values are (--missing '?', if it says that none is)",
        "mlpcore: column 'day' is read as text, because 'unknown' in row 3 is no date; "
        "59 of its 60 values are (--missing unknown, if it says that none is)",
        "mlpcore: column 'tag' is read as text: dates are written 2024-12-31, not "
        "'01.05.2024'",
    ]
    known = ("--categorical", "x", "--drop", "comma", "--missing", "?")
    known += ("--missing", "unknown", "--drop", "tag")
    assert "column '" not in run(capsys, *arguments, *known)[2]


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_a_column_that_counts_the_rows(table_folder, capsys, extension):
    frame = pd.DataFrame({"id": np.arange(7, 67), "x": np.arange(60) * 0.5})
    frame["twos"] = 2 * frame["id"]
    frame["y"] = ["p", "q"] * 30
    if extension == "csv":
        frame.to_csv("t.csv", index=False)
    else:
        frame.to_parquet("t.parquet")
    arguments = ("train", f"t.{extension}", "--target=y", "-om", *FEW)
    err = run(capsys, *arguments)[2]
    assert (
        "mlpcore: column 'id' counts the rows from 7; if it is no more than that, "
        "leave it out (--drop id)\n"
    ) in err
    assert err.count("counts the rows") == 1
    assert "counts" not in run(capsys, *arguments, "--drop=id")[2]
    assert "counts" not in run(capsys, *arguments, "--categorical=id")[2]


def test_a_decimal_comma(table_folder, capsys):
    numbers = np.random.default_rng(0).normal(size=60).round(3)
    frame = pd.DataFrame({"x": numbers, "y": np.where(numbers > 0, "p", "n")})
    frame.to_csv("point.csv", index=False)
    frame.to_csv("comma.csv", index=False, sep=";", decimal=",", encoding="utf-16")
    theirs = ("--separator", ";", "--decimal", ",", "--encoding", "UTF-16")
    files = []
    for name, options in (("point.csv", ()), ("comma.csv", theirs)):
        assert run(capsys, "train", name, "--target=y", "-om", *FEW, *options)[0] == 0
        assert run(capsys, "predict", "m", name, "-o", "o.csv", *options)[0] == 0
        text = Path("o.csv").read_text()
        if options:
            text = text.replace(",", ".").replace(";", ",")
        files.append((Path("m").read_bytes(), text))
    assert files[0] == files[1]

    frame = frame.astype({"x": object})
    frame.loc[:40, "x"] = frame.loc[:40, "x"].astype(str)
    frame.to_csv("mixed.csv", index=False, sep=";", decimal=",")
    arguments = ("train", "mixed.csv", "--target=y", "-om", *FEW, *theirs[:4])
    assert "with a point" in run(capsys, *arguments)[2]


def test_what_counts_as_missing(table_folder, capsys):
    numbers = np.random.default_rng(0).normal(size=60).round(3)
    frame = pd.DataFrame({"x": numbers, "y": np.where(numbers > 0, "None", "mild")})
    frame["id"] = "NA"
    frame.loc[::5, "x"] = None
    frame.to_csv("none.csv", index=False)
    arguments = ("train", "none.csv", "--target=y", "--drop=id", "-om", *FEW)
    assert "the target 'y' is 'None' in some rows" in refused(capsys, *arguments)
    code, out, _ = run(capsys, *arguments, "--missing=")
    assert code == 0
    assert "None (" in out
    assert "60 rows; 1 column becomes 2 features" in out
    _, out, _ = run(capsys, "predict", "m", "none.csv", "--keep=id", "-o-")
    assert out.splitlines()[1].startswith("NA,")


def test_a_separator_at_the_end_of_lines(table_folder, capsys):
    """It makes no column, and moves none."""
    lines = Path("mixed.csv").read_text().splitlines()
    Path("end.csv").write_text("\n".join([lines[0], *(x + "," for x in lines[1:])]))
    Path("all.csv").write_text("\n".join(line + "," for line in lines))
    shown, models = [], []
    for name in ("mixed.csv", "end.csv", "all.csv"):
        assert run(capsys, "train", name, "--target=y", "-om", *FEW)[0] == 0
        models.append(Path("m").read_bytes())
        shown.append(run(capsys, "predict", "m", name, "--keep=y", "-o-")[1])
    assert shown[0] == shown[1] == shown[2]
    assert models[0] == models[1] == models[2]


@pytest.mark.parametrize("every", [1, 7])
def test_lines_that_are_too_long(table_folder, capsys, every):
    run(capsys, "train", "mixed.csv", "--target=y", "-om", *FEW)
    lines = Path("mixed.csv").read_text().splitlines()
    for i in range(1, len(lines), every):
        lines[i] += ",5"
    Path("long.csv").write_text("\n".join(lines))
    for arguments in (
        ("train", "long.csv", "--target=y", "-on", *FEW),
        ("predict", "m", "long.csv", "-o-"),
    ):
        assert "long.csv: " in refused(capsys, *arguments)


def test_thousands_are_no_decimal_commas(table_folder, capsys):
    lines = [f'"{1000 + 7 * i:,}",{i % 5},{i}' for i in range(60)]
    lines[3] = "850,1,2"
    Path("t.csv").write_text("\n".join(["area,rooms,price", *lines]))
    err = run(capsys, "train", "t.csv", "--target=price", "-om", *FEW)[2]
    assert (
        "column 'area' is read as text: its thousands seem to be set off by a comma "
        "('1,000'); write them without"
    ) in err
    assert "--decimal" not in err


def test_a_target_that_is_meant_to_be_a_number(table_folder, capsys):
    lines = [f"{i % 7};{100 + i},5" for i in range(60)]
    Path("t.csv").write_text("\n".join(["x;price", *lines]))
    arguments = ("train", "t.csv", "--target=price", "-om", "--separator=;", *FEW)
    err = run(capsys, *arguments)[2]
    assert "column 'price' is read as text: its numbers are written with a comma" in err
    assert (
        "the target 'price' is text, with 60 classes in 60 rows, such as '100,5': is "
        "it meant to be a number?"
    ) in err
    assert "price" not in run(capsys, *arguments, "--decimal=,")[2]


def test_a_file_with_another_separator_and_decimal_commas(table_folder, capsys):
    Path("t.csv").write_text("a;b\n5,1;3,5\n")
    err = refused(capsys, "train", "t.csv", "--target=b", "-om")
    assert "--separator ';', and --decimal ," in err


def test_numbers_with_leading_zeros(table_folder, capsys):
    lines = [f"{i % 4:05},{i},0{i % 2},0.{i % 9}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["zip,x,label,share", *lines]))
    arguments = ("train", "t.csv", "--target=label", "--drop=x", "-om", *FEW)
    err = run(capsys, *arguments)[2]
    for name, text in (("zip", "00000"), ("label", "00")):
        assert (
            f"column '{name}' is read as numbers, without the zeros of '{text}'; if "
            f"these are names, keep them (--categorical {name})"
        ) in err
    assert "share" not in err
    kept = ("--categorical=zip", "--categorical=label")
    assert "zeros" not in run(capsys, *arguments, *kept)[2]
    out = run(capsys, "predict", "m", "t.csv", "-o-")[1]
    assert out.startswith("prediction,probability_00,probability_01\n")


def test_what_is_said_of_scores(table_folder, capsys):
    """Of rare classes the accuracy is no better, but the other scores are."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    frame = pd.DataFrame({"x": x, "y": rng.random(3000) < 1 / (1 + np.exp(3.6 - x))})
    frame.to_csv("rare.csv", index=False)
    err = run(capsys, "train", "rare.csv", "--target=y", "-om", "--epochs=20")[2]
    assert "accuracy and F1 (macro) are no better than the baseline's" in err
    assert "nothing" not in err


def test_what_was_missing_in_training_is_missing_in_predictions(table_folder, capsys):
    lines = [f"{'?' if i % 7 == 3 else i / 10},{'ab'[i % 2]}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["x,y", *lines]))
    train = ("train", "t.csv", "--target=y", "-om", "--missing=?", *FEW)
    assert run(capsys, *train)[0] == 0
    out = run(capsys, "predict", "m", "t.csv", "-o-")[1]
    assert run(capsys, "predict", "m", "t.csv", "-o-", "--missing=?")[1] == out
    assert out.count("\n") == 61
    err = refused(capsys, "predict", "m", "t.csv", "-o-", "--missing=none")
    assert (
        "column 'x' must hold numbers, got '?' (row 3); if that says that none" in err
    )
    assert "--missing '?'" in err
