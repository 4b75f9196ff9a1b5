"""A CSV file as people have them: gaps, quotes, other scripts, ids, dates, odd numbers."""

from __future__ import annotations

import csv
import datetime
import pathlib
import random

__all__ = ["write_messy_csv"]

_HEADER = [
    "customer id", "Größe (cm)", "Stadt", 'the "plan"', "年齢", "active?", "signed up", "income",
    "balance", "comment", "shop", "empty", "constant", "it's", "churned",
]  # fmt: skip


def write_messy_csv(path: pathlib.Path, rows: int, seed: int = 7) -> None:
    """Writes a file whose label, `churned`, is "yes" or "no" and can be learned.

    Every row has its own `customer id`, and `年齢`, `the "plan"`, `signed up`, `income`,
    `balance`, `comment` and `it's` have gaps.
    """
    drawn = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for number in range(rows):
            plan = drawn.choice(["basic", 'the "big" one', "premium, yearly", ""])
            active = drawn.choice(["True", "False", "True"])
            day = datetime.date(2020, 1, 1) + datetime.timedelta(days=drawn.randint(0, 1500))
            score = (plan == "basic") + (active == "False") + drawn.random()
            writer.writerow(
                [
                    f"C-{number:05d}",
                    f"{drawn.gauss(170, 10):.1f}",
                    drawn.choice(["Köln", "Zürich", "Århus", "Łódź"]),
                    plan,
                    drawn.choice(["", *[drawn.randint(18, 90)] * 12]),
                    active,
                    drawn.choice([day.isoformat()] * 9 + [""]),
                    drawn.choice([f"{drawn.lognormvariate(8, 1):.2f}"] * 9 + ["n/a"]),
                    drawn.choice([f"{drawn.gauss(0, 1):.3f}"] * 9 + ["nan"]),
                    drawn.choice(
                        [
                            "very good\nservice, really nice",
                            'a bad "joke", not again please',
                            "",
                            f"nothing to say here today, sorry {number}",
                            f"the ärgerlich one with ß {number}",
                        ]
                    ),
                    f"shop {drawn.randint(1, 150)}",
                    "",
                    "x",
                    drawn.choice(["1", "2", ""]),
                    "yes" if score > 1.2 else "no",
                ]
            )
