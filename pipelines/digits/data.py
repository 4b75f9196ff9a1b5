"""1,797 handwritten digits of 8 x 8 pixels, out of scikit-learn; nothing is downloaded.

They are the test set of https://archive.ics.uci.edu/dataset/80: every pixel a number from
0 to 16. scikit-learn carries them in its package.
"""

from __future__ import annotations

import pathlib

from tfx_estimators.errors import MissingDependencyError
from tfx_estimators.pipelines.data_folder import own_files
from tfx_estimators.whole_files import staged

__all__ = ["PATTERN", "find_digits", "write_digits"]

PATTERN = "*.tfrecord"
_FILE = "digits.tfrecord"


def find_digits(data: pathlib.PurePath | None, made: pathlib.PurePath) -> pathlib.PurePath:
    """The folder with the digits as TFRecord files.

    Args:
        data: a folder of one's own, or None for scikit-learn's;
            a pure path is of another machine, and not looked at.
        made: where those are written; to a pure path nothing is.

    Raises:
        DataError: if `data` holds no TFRecord files.
        MissingDependencyError: if scikit-learn is not installed.
    """
    if data is None:
        if isinstance(made, pathlib.Path):
            write_digits(made / _FILE)
        return made
    return own_files(
        data,
        PATTERN,
        kind="TFRecord",
        contents="of tf.Examples with the features pixels (64 numbers from 0 to 16) and "
        "digit (0 to 9)",
        otherwise="scikit-learn's digits are used",
    )


def write_digits(file: pathlib.Path) -> None:
    """Writes scikit-learn's digits. A file that is there is left alone.

    Args:
        file: its folder is made.

    Raises:
        MissingDependencyError: if scikit-learn is not installed.
    """
    if file.is_file():
        return
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependencyError(
            f"the digits are in scikit-learn, which cannot be imported: {error}",
            expected="scikit-learn",
            fix="pip install scikit-learn, or pass --data",
        ) from error
    import tensorflow as tf

    pixels, digits = load_digits(return_X_y=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with staged(file) as fresh, tf.io.TFRecordWriter(str(fresh)) as writer:
        for row, digit in zip(pixels, digits, strict=True):
            features = {
                "pixels": tf.train.Feature(float_list=tf.train.FloatList(value=row)),
                "digit": tf.train.Feature(int64_list=tf.train.Int64List(value=[digit])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString(deterministic=True))
