"""Which split an example belongs to: TFX's hash over its serialized form.

The rule of `tfx.components.example_gen.base_example_gen_executor`, seen on TFX 1.15, 1.16
and 1.21: SHA-256 of the example, serialized with its features in the order of their names,
modulo the number of buckets.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

from tfx_estimators.errors import DataError, FeatureNotFoundError

__all__ = ["HashSplits"]


class HashSplits:
    """Divides examples among splits.

    Args:
        buckets: how many of the hash buckets each split gets.
        feature: name of the feature whose value decides; None for the whole example.
    """

    def __init__(self, buckets: Sequence[int], feature: str | None = None) -> None:
        self._ends = list(itertools.accumulate(buckets))
        self._feature = feature

    def assign(self, records: Sequence[bytes]) -> list[int]:
        """The number of each record's split.

        Raises:
            FeatureNotFoundError: if an example lacks the feature that decides.
            DataError: if that feature has no value, or floating-point values.
        """
        keys = records if self._feature is None else [_value_of(r, self._feature) for r in records]
        buckets = self._ends[-1]
        hashes = (int.from_bytes(hashlib.sha256(key).digest(), "big") for key in keys)
        return [bisect.bisect(self._ends, value % buckets) for value in hashes]


def _value_of(record: bytes, name: str) -> bytes:
    from tensorflow.core.example.example_pb2 import Example

    features: Any = Example.FromString(record).features.feature
    if name not in features:
        raise FeatureNotFoundError(
            f"partition_feature_name={name!r} is not in an example",
            expected=f"one of {', '.join(sorted(features))}",
            fix="correct partition_feature_name in the output config",
        )
    if features[name].WhichOneof("kind") not in ("bytes_list", "int64_list"):
        kind = features[name].WhichOneof("kind") or "no value"
        raise DataError(
            f"partition_feature_name={name!r} has {kind} in an example",
            expected="text or integers in every example",
            fix="name another feature, or leave partition_feature_name out",
        )
    return bytes(features[name].SerializeToString(deterministic=True))
