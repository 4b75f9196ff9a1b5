"""Passengers with the columns of the guide's `titanic/train.csv`. They are made up.

Nothing is downloaded: how many travelled in each class and embarked in each town, and how
many of them survived, follows the published shares of the real passengers; who is who is
drawn with a fixed seed. Metrics are therefore like the guide's but not the guide's. The
real file (https://storage.googleapis.com/tf-datasets/titanic/train.csv) has the same
columns and can be passed as `--data`.
"""

from __future__ import annotations

import csv
import io
import math
import pathlib
import random

from tfx_estimators.pipelines.data_folder import own_files

__all__ = ["find_passengers", "write_passengers"]

FILE = "passengers.csv"
HEADER = (
    "survived", "sex", "age", "n_siblings_spouses", "parch", "fare", "class", "deck",
    "embark_town", "alone",
)  # fmt: skip
_PASSENGERS = 891
_SEED = 1912
# Share of the passengers, median fare, and how survival shifts (in log odds).
_CLASSES = {"First": (0.24, 60.0, 0.9), "Second": (0.21, 14.0, 0.1), "Third": (0.55, 8.0, -0.9)}
_TOWNS = {"Southampton": (0.72, 0.0), "Cherbourg": (0.19, 0.4), "Queenstown": (0.09, -0.1)}
_DECKS = "ABCDE"


def find_passengers(data: pathlib.PurePath | None, made: pathlib.PurePath) -> pathlib.PurePath:
    """The folder with the passengers as CSV files.

    Args:
        data: a folder of one's own, or None to have passengers made up;
            a pure path is of another machine, and not looked at.
        made: where those are written; to a pure path nothing is.

    Raises:
        DataError: if `data` holds no CSV files.
    """
    if data is None:
        if isinstance(made, pathlib.Path):
            write_passengers(made / FILE)
        return made
    return own_files(
        data,
        "*.csv",
        kind="CSV",
        contents=f"with the columns {', '.join(HEADER)}",
        otherwise="passengers are generated",
    )


def write_passengers(file: pathlib.Path, count: int = _PASSENGERS) -> None:
    """Writes the passengers; the same ones every time. A file that has them is left alone.

    Args:
        file: its folder is made.
        count: how many.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_passengers(count))
    # TFX takes a file with a new date for new data.
    if not file.is_file() or file.read_text() != text.getvalue():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.getvalue())


def _passengers(count: int) -> list[tuple[object, ...]]:
    chance = random.Random(_SEED)
    rows: list[tuple[object, ...]] = []
    for _ in range(count):
        cabin = chance.choices(list(_CLASSES), [share for share, _, _ in _CLASSES.values()])[0]
        town = chance.choices(list(_TOWNS), [share for share, _ in _TOWNS.values()])[0]
        sex = "female" if chance.random() < 0.35 else "male"
        age = round(min(80.0, max(0.5, chance.gauss(30, 13))), 1)
        siblings, parents = (max(0, int(chance.gauss(0.2, 0.8))) for _ in range(2))
        odds = -1.1 + _CLASSES[cabin][2] + _TOWNS[town][1] + (2.5 if sex == "female" else 0.0)
        odds += 1.0 if age < 10 else -0.01 * (age - 30)
        survived = int(chance.random() < 1 / (1 + math.exp(-odds)))
        fare = round(_CLASSES[cabin][1] * chance.lognormvariate(0, 0.4), 4)
        deck = chance.choice(_DECKS) if cabin == "First" else "unknown"
        alone = "n" if siblings + parents else "y"
        rows.append((survived, sex, age, siblings, parents, fare, cabin, deck, town, alone))
    return rows
