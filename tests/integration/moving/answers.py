"""What a SavedModel answers, to the last bit: `python answers.py MODEL`."""

import sys

import tensorflow as tf


def example(x, color):
    """A serialized tf.Example."""
    feature = {
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[x])),
        "color": tf.train.Feature(bytes_list=tf.train.BytesList(value=[color])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


rows = [example(n / 7 - 3, [b"red", b"green", b"none"][n % 3]) for n in range(50)]
model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["predict"](examples=tf.constant(rows))
numbers = {name: tensor for name, tensor in answer.items() if tensor.dtype != tf.string}
arrays = {name: numbers[name].numpy() for name in sorted(numbers)}
print({name: (array.dtype.str, array.tobytes().hex()) for name, array in arrays.items()})
