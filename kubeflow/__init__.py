"""Pipelines on Kubeflow. Nothing is here yet: pipelines run on the local runners only."""

__all__: list[str] = []
