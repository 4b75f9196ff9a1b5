"""MobileNetV2 over a frozen base, from images to a model that is pushed."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.conformance("Keras")


def test_the_same_images_are_made_up_every_time(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.pipelines.cats_vs_dogs import data

    files = [tmp_path / name / "images.tfrecord" for name in ("a", "b")]
    for file in files:
        data.write_images(file, count=4)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    labels = []
    for record in tf.data.TFRecordDataset(str(files[0])):
        example = tf.train.Example.FromString(record.numpy())
        labels.append(example.features.feature["label"].int64_list.value[0])
        pixels = tf.io.decode_image(example.features.feature["image"].bytes_list.value[0])
        assert pixels.shape[-1] == 3
    assert labels == [0, 1, 0, 1]


@pytest.mark.slow
@pytest.mark.stacks
def test_the_pipeline_trains_the_head_and_leaves_the_base(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.pipelines import catalog, runner
    from tfx_estimators.pipelines.cats_vs_dogs import data
    from tfx_estimators.pipelines.workspace import Workspace

    data.write_images(tmp_path / "images" / "images.tfrecord", count=24)
    module = catalog.load_pipeline_module("cats_vs_dogs")
    runner.run(
        module.create_pipeline(
            tmp_path, tmp_path / "images", train_steps=2, eval_steps=1, batch_size=4
        )
    )
    (checkpoint,) = {
        str(path)[: -len(".index")] for path in (tmp_path / "checkpoints").rglob("*ckpt-2.index")
    }
    start = tf.train.latest_checkpoint(str(pathlib.Path(checkpoint).parent / "keras"))
    assert start is not None
    before, after = (tf.train.load_checkpoint(path) for path in (start, checkpoint))
    kept = [
        n
        for n in before.get_variable_to_shape_map()
        if n.endswith("kernel/.ATTRIBUTES/VARIABLE_VALUE")
    ]
    changed = [n for n in kept if not np.array_equal(before.get_tensor(n), after.get_tensor(n))]
    assert len(kept) > 10
    assert len(changed) == 1

    (version,) = (tmp_path / "serving").glob("[0-9]*")
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    records = [r.numpy() for r in tf.data.TFRecordDataset(str(tmp_path / "images/images.tfrecord"))]
    probabilities = served(tf.constant(records))["logistic"].numpy()
    assert probabilities.shape == (24, 1)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert Workspace("cats_vs_dogs", tmp_path).made("EstimatorEvaluator").uri("evaluation")
    assert "no threshold was set" in module.summary(tmp_path)
