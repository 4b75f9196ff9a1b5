"""Serialized tf.Examples from plain values, and TFRecord files of them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["make_example", "write_records"]


def make_example(**features: Any) -> bytes:
    """A serialized tf.Example.

    Args:
        features: a str, bytes, int or float, or a list or an array of them; None for a feature
            that is missing. An empty list holds bytes.
    """
    given = {name: _feature(value) for name, value in features.items() if value is not None}
    example = tf.train.Example(features=tf.train.Features(feature=given))
    return bytes(example.SerializeToString())


def _feature(value: Any) -> tf.train.Feature:
    values = list(value) if isinstance(value, list | tuple | np.ndarray) else [value]
    if not values or isinstance(values[0], str | bytes):
        raw = [text.encode() if isinstance(text, str) else text for text in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=raw))
    if isinstance(values[0], int | np.integer):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def write_records(path: pathlib.Path, records: Iterable[bytes]) -> None:
    """Writes a TFRecord file, and its folder; one that ends in .gz is compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP" if path.suffix == ".gz" else "") as writer:
        for record in records:
            writer.write(record)
