"""The subcommands of `tfx-estimators`, one module a noun.

* `checkpoint_store`: what is done with checkpoints: restore, gc, import.
* `docs`: `tfx-estimators docs`: the pages of the documentation, which ship with the package.
* `doctor`: `tfx-estimators doctor`: what an existing pipeline needs to run here.
* `dry_run`: `tfx-estimators run --dry-run`: what a run would do, as a table.
* `export_keras`: `tfx-estimators export-keras`: a trained estimator as a Keras 3 model.
* `group`: the group of all commands: what a user sees of an error is a message, never a
  traceback.
* `kserve`: `tfx-estimators kserve`: the share of a new version, and going back.
* `kubeflow`: `tfx-estimators compile`: a pipeline as a package for Kubeflow Pipelines.
* `lineage`: questions to ML Metadata: runs, checkpoints, models, lineage, diff.
* `metadata`: what is done with a store of ML Metadata itself, and with verdicts in it.
* `metadata_option`: `--metadata`, and the newest store below runs/ where it is not given.
* `new`: `tfx-estimators new`: a project of one's own, written from a look at the data.
* `predict`: `tfx-estimators predict`: predictions for the rows of a file.
* `printing`: how commands print lines, tables and JSON.
* `push`: `tfx-estimators versions | rollback`: what a model server is given, and going back.
* `report`: `tfx-estimators report | tensorboard`: a run to look at.
* `run_display`: who shows a run: a live display on a terminal, else lines; `--quiet` and `--json`.
* `run_log`: the log of a run: what TFX, TensorFlow and Beam say, and the whole trace of an error.
* `runner_options`: `--runner` and the options of the runners, as the runners themselves describe
  them.
* `server_options`: what commands that ask a Kubeflow Pipelines server take.
* `shipped_files`: `tfx-estimators manifests` and `image`: what a cluster needs, out of the
  installed package.
* `temporary_folder`: one temporary folder for all that a run makes.
* `trainings`: `--fresh` and `--extend`: where the trainings of a run begin.
* `status`: `tfx-estimators status`: what runs, and how far it is.
* `submit`: `tfx-estimators submit`: a package run by a Kubeflow Pipelines server.
"""

__all__: list[str] = []
