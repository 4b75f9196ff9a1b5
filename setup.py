"""Distribution of tfx-estimators: each top-level room becomes a sub-package."""

from __future__ import annotations

import pathlib
import re
import runpy

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
ROOMS = ("estimator", "lineage", "components", "pipelines", "report", "kubeflow")
# Folders without code that ship as well.
SHIPPED = ("docs", "requirements")
PACKAGE = HERE / "src" / "tfx_estimators"
SUPPORTED = runpy.run_path(str(PACKAGE / "supported.py"))


def version() -> str:
    """The version, which stands in the root package and nowhere else."""
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("src/tfx_estimators/__init__.py has no __version__")
    return found[1]


def long_description() -> str:
    """README without its pictures, which a package index does not have."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    return re.sub(r"^!\[[^\]]*\]\(docs/[^)]*\)\n\n", "", text, flags=re.MULTILINE)


def packages() -> list[str]:
    """The root package and every package of every room."""
    names = ["tfx_estimators", "tfx_estimators.commands"]
    names += [f"tfx_estimators.{folder}" for folder in SHIPPED]
    for room in ROOMS:
        names.append(f"tfx_estimators.{room}")
        names += [f"tfx_estimators.{room}.{name}" for name in find_packages(str(HERE / room))]
    return names


setup(
    name="tfx-estimators",
    version=version(),
    description="Estimator pipelines on today's TFX: train, evaluate, push, trace",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=SUPPORTED["PYTHON"],
    package_dir={
        "tfx_estimators": "src/tfx_estimators",
        **{f"tfx_estimators.{room}": room for room in ROOMS},
        **{f"tfx_estimators.{folder}": folder for folder in SHIPPED},
    },
    packages=packages(),
    package_data={
        "tfx_estimators": ["py.typed"],
        "": ["*.pyi"],
        # What a cluster needs, written out by `tfx-estimators manifests` and `image`.
        "tfx_estimators.kubeflow": ["manifests/*.yaml", "images/*"],
        "tfx_estimators.report": ["templates/*"],
        "tfx_estimators.requirements": ["*.in", "*.txt"],
        "tfx_estimators.docs": ["*.md"],
    },
    install_requires=[
        "tfx" + SUPPORTED["TFX"],
        # TFX 1.15 and 1.16 import dill through Beam, which stopped bringing it.
        "apache-beam[gcp]>=2.60",
        "dill",
        # TensorFlow Model Analysis brings the same release on every TFX; the runtime
        # loads it over TensorFlow 2.16 and later, where tf_keras stands in for Keras 2.
        "tensorflow-estimator" + SUPPORTED["ESTIMATOR_PACKAGE"],
        # Its releases follow TensorFlow's.
        "tf-keras" + SUPPORTED["TENSORFLOW"],
        # tensorflow-hub, which TFX imports, still needs pkg_resources.
        "setuptools<81",
        # TFX brings both; they read what is kept in files.
        "annotated-types>=0.6",
        "pydantic>=2.9",
        "click>=8.1",
        "jinja2>=3.1",
        "markupsafe>=2.1",
        "matplotlib>=3.8",
        "psutil>=5.9",
        "rich>=13",
        "tabulate>=0.9",
        "tqdm>=4.60",
    ],
    extras_require={
        "kubeflow": ["kfp>=2.4", "kfp-kubernetes>=1.0"],
        "dev": [
            "flask",  # with flask-cors, what moto's server needs
            "flask-cors",
            "hypothesis",
            "import-linter",
            "jsonschema",
            "kubernetes-validate",
            "moto[s3]",
            "mypy",
            "pytest",
            "pytest-rerunfailures",
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
