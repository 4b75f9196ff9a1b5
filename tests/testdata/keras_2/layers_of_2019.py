"""A library of layers for Keras 2."""

import tensorflow as tf


class Scale(tf.keras.layers.Layer):
    pass
