"""From examples to what TFMA's evaluators read.

* `chosen_columns`: which columns are read, from raw examples or from the transform.
* `transformed_columns`: columns that the transform graph computes, such as the label.
* `labels`: from a label column to the numbers that a head's metrics take.
* `extracts`: from serialized examples to TFMA's extracts, of one or many rows.
"""

__all__ = ["chosen_columns", "extracts", "labels", "transformed_columns"]
