"""`README.md` and `test_model.py` of a project."""

from __future__ import annotations

from tfx_estimators.pipelines.project.data_file import DataFile
from tfx_estimators.pipelines.project.prediction_task import PredictionTask
from tfx_estimators.pipelines.project.source_text import prose

__all__ = ["TEST_SOURCE", "readme"]

_README = """\
# {name}

Predicts `{label}` ({kind}) from `{data}`.

    tfx-estimators run {name}/pipeline.py
    tfx-estimators run {name}/pipeline.py --set model.hidden_units=100,50
    tfx-estimators run --help {name}/pipeline.py

`model.py` has the feature columns and the estimator. `pipeline.py` has the parameters, the
thresholds and the slices. `python -m pytest {name}` checks in seconds that they fit the data.
The pushed model is in `runs/{name}/serving/`.
"""

TEST_SOURCE = '''\
"""Whether the model, the pipeline and the data fit together. Nothing is trained here."""

from __future__ import annotations

import pathlib

import tensorflow as tf
from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.user_module import UserModule

HERE = pathlib.Path(__file__).parent


def load(name: str):
    return UserModule.find(str(HERE / name), None).load()


def test_the_estimator_takes_the_columns(tmp_path):
    model = load("model.py")
    estimator = model.estimator_fn(
        model.feature_columns(),
        tf_estimator.RunConfig(model_dir=str(tmp_path)),
        {"hidden_units": [4]},
    )
    assert isinstance(estimator, tf_estimator.Estimator)


def test_every_column_reads_what_there_is(tmp_path):
    from tfx_estimators.pipelines.project.data_file import read_data

    model, pipeline = load("model.py"), load("pipeline.py")
    file = next(pipeline.DATA.glob(pipeline.FILES))
    there = {column.name for column in read_data(file).columns}
    columns = [column for part in model.feature_columns().values() for column in part]
    read = set(tf.feature_column.make_parse_example_spec(columns))
    made = getattr(model, "preprocessing_fn", None)
    if made is None:
        assert read <= there
    assert pipeline.create_pipeline(tmp_path).components
'''


def readme(name: str, data: DataFile, task: PredictionTask) -> str:
    """The text of `README.md`.

    Args:
        name: of the project.
        data: what it trains on.
        task: what it predicts.
    """
    return _README.format(
        name=name,
        label=prose(task.source),
        kind=task.kind.value,
        data=prose(str(data.path)),
    )
