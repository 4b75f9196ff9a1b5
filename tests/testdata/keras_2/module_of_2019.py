"""A user's module: it takes estimators from TensorFlow, and layers from a library."""

import tensorflow as tf
from layers_of_2019 import Scale
from tensorflow import estimator as tf_estimator

__all__ = ["Scale", "keras_of_the_layer", "tf", "tf_estimator"]


def keras_of_the_layer(element: int) -> str:
    """Where the layer's base class comes from; an element of a Beam pipeline is not looked at."""
    return Scale.__mro__[1].__module__
