"""Distribution of tfx-estimators: each top-level room becomes a sub-package."""

from __future__ import annotations

import pathlib

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
ROOMS = ("estimator", "lineage", "components", "pipelines", "kubeflow")


def packages() -> list[str]:
    """The root package and every package of every room."""
    names = ["tfx_estimators", "tfx_estimators.commands"]
    for room in ROOMS:
        names.append(f"tfx_estimators.{room}")
        names += [f"tfx_estimators.{room}.{name}" for name in find_packages(str(HERE / room))]
    return names


setup(
    name="tfx-estimators",
    version="0.1.0",
    description="Estimator pipelines on today's TFX: train, evaluate, push, trace",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    package_dir={
        "tfx_estimators": "src/tfx_estimators",
        **{f"tfx_estimators.{room}": room for room in ROOMS},
    },
    packages=packages(),
    package_data={"tfx_estimators": ["py.typed"], "": ["*.pyi"]},
    install_requires=[
        "tfx>=1.15.1,<1.22",
        # TFX 1.15 and 1.16 import dill through Beam, which stopped bringing it.
        "apache-beam[gcp]>=2.60",
        "dill",
        # TensorFlow Model Analysis brings the same release on every TFX; the runtime
        # loads it over TensorFlow 2.16 and later, where tf_keras stands in for Keras 2.
        "tensorflow-estimator>=2.15,<2.16",
        "tf-keras>=2.15,<2.22",
        # tensorflow-hub, which TFX imports, still needs pkg_resources.
        "setuptools<81",
        "click>=8.1",
        "tabulate>=0.9",
        "tqdm>=4.60",
    ],
    extras_require={
        "kubeflow": ["kfp>=2.4", "kfp-kubernetes>=1.0"],
        "dev": [
            "hypothesis",
            "import-linter",
            "jsonschema",
            "kubernetes-validate",
            "mypy",
            "pytest",
            "pytest-xdist",
            "scikit-learn",
            "tensorflow-datasets",
            "types-tabulate",
            "types-tqdm",
            "ruff",
            "wheel",
        ],
    },
    entry_points={"console_scripts": ["tfx-estimators = tfx_estimators.cli:main"]},
)
