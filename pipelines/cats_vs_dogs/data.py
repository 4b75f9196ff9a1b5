"""Images of two kinds, laid out as the records of TFDS's `cats_vs_dogs`. They are made up.

No package brings photographs of cats and dogs, and nothing is downloaded: class 0 ("cat")
are stripes, class 1 ("dog") are spots, drawn with a fixed seed, as JPEG. Real ones in the
same records (`image`: an encoded picture of any size; `label`: 0 or 1) can be passed as
`--data`; `tfds.load("cats_vs_dogs")` prepares such files.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

from tfx_estimators.pipelines.data_folder import own_files
from tfx_estimators.whole_files import staged

__all__ = ["PATTERN", "find_images", "write_images"]

PATTERN = "*.tfrecord*"
_FILE = "images.tfrecord"
_IMAGES = 120
_SEED = 160


def find_images(data: pathlib.PurePath | None, made: pathlib.PurePath) -> pathlib.PurePath:
    """The folder with the images as TFRecord files.

    Args:
        data: a folder of one's own, or None to have images made up;
            a pure path is of another machine, and not looked at.
        made: where those are written; to a pure path nothing is.

    Raises:
        DataError: if `data` holds no TFRecord files.
    """
    if data is None:
        if isinstance(made, pathlib.Path):
            write_images(made / _FILE)
        return made
    return own_files(
        data,
        PATTERN,
        kind="TFRecord",
        contents="of tf.Examples with the features image (an encoded picture) and label (0 or 1)",
        otherwise="images are generated",
    )


def write_images(file: pathlib.Path, count: int = _IMAGES) -> None:
    """Writes the images; the same ones every time. A file that is there is left alone.

    Args:
        file: its folder is made.
        count: how many; half of them of each kind.
    """
    if file.is_file():
        return
    import tensorflow as tf

    file.parent.mkdir(parents=True, exist_ok=True)
    with staged(file) as fresh, tf.io.TFRecordWriter(str(fresh)) as writer:
        for pixels, label in _images(count):
            picture = tf.io.encode_jpeg(pixels).numpy()
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[picture])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString(deterministic=True))


def _images(count: int) -> Iterator[tuple[Any, int]]:
    """Pixels, uint8 of shape [height, width, 3], and the label."""
    import numpy as np

    chance = np.random.default_rng(_SEED)
    for number in range(count):
        label = number % 2
        height, width = chance.integers(80, 200, size=2)
        y, x = np.mgrid[0:height, 0:width]
        angle, wave = chance.uniform(0, np.pi), chance.uniform(10, 30)
        along = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / wave)
        across = np.sin((y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / wave)
        pattern = (along * across if label else along)[..., None]
        dark, light = chance.uniform(0, 120, 3), chance.uniform(130, 255, 3)
        pixels = dark + (light - dark) * (pattern + 1) / 2
        pixels += chance.normal(0, 10, pixels.shape)
        yield pixels.clip(0, 255).astype(np.uint8), label
