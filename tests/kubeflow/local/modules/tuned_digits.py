"""The model of the digits, with values to choose from."""

from tfx_estimators.pipelines.digits import model


def feature_columns():
    return model.feature_columns()


def hyperparameters():
    import keras_tuner

    choices = keras_tuner.HyperParameters()
    choices.Choice("learning_rate", [0.0, 0.01])
    return choices


def estimator_fn(columns, config, params):
    return model.estimator_fn(columns, config, params)
