"""A project of one's own, written from a look at the data.

* `data_file`: a CSV, Parquet or TFRecord file, read as the pipeline will read it.
* `column_facts`: what a column holds: types, missing and distinct values, skew, dates, texts.
* `proposal`: the feature columns that fit, each with a reason.
* `prediction_task`: what is to be predicted: classes or a number.
* `source_text`: Python source in the layout of a formatter.
* `model_file`, `pipeline_file`, `other_files`: the files of a project.
* `creation`: checks everything, then writes the folder whole or not at all.
"""

__all__ = [
    "column_facts",
    "creation",
    "data_file",
    "model_file",
    "other_files",
    "pipeline_file",
    "prediction_task",
    "proposal",
    "source_text",
]
