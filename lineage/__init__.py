"""Questions to ML Metadata.

* `outputs`: what a pipeline's node last produced.
"""

__all__ = ["outputs"]
