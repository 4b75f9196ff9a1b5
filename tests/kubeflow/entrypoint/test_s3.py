"""Steps whose artifacts and data are on an S3 server."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from s3_server import KEY, S3Server

from tfx_estimators.kubeflow.entrypoint.data_digest import data_digest

MODULES = pathlib.Path(__file__).parent / "modules"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


def test_what_a_step_leaves_is_on_the_server_under_the_uri_that_it_told(
    server: S3Server,
    make_arguments: Callable[..., list[str]],
    answer: Callable[[], dict[str, Any]],
    tmp_path: pathlib.Path,
) -> None:
    copies, place = tmp_path / "copies", f"{server.bucket}/p/run-7"
    server.put("p/run-7/maker/source/text", "hello")
    server.put("p/run-7/maker/source-2/text", "of another artifact")
    server.download(f"s3://{place}/maker/source", copies)
    arguments = make_arguments(
        "small_executors.Copy",
        inputs={"source": (f"s3://{place}/maker/source", None, {"blessed": 1.0, "loss": 0.25})},
        outputs={"made": (f"minio://{place}/copier/made", {"schemaTitle": "system.Artifact"}, {})},
        parameters={"steps": 3},
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tfx_estimators.kubeflow.entrypoint", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": f"{MODULES}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
            "TFX_ESTIMATORS_LAUNCHER_COPIES": str(copies),
        },
        check=True,
    )
    (made,) = answer()["artifacts"]["made"]["artifacts"]
    assert made["uri"] == f"minio://{place}/copier/made"
    assert made["metadata"]["source_uri"] == f"{copies}/s3/{place}/maker/source"
    server.upload(made["uri"], copies)
    assert server.get("p/run-7/copier/made/text") == "hello"
    written = {key for key in server.keys() if key.startswith("p/")}  # noqa: SIM118
    assert written == {
        f"p/run-7/{name}/text" for name in ("copier/made", "maker/source", "maker/source-2")
    }


def test_data_on_the_server_have_a_digest_by_their_content(
    server: S3Server, tmp_path: pathlib.Path
) -> None:
    base = f"data/{tmp_path.name}"  # Of its own, as a test may run twice.
    config = {"splits": [{"name": "all", "pattern": "*.csv"}]}
    given = {"input_base": f"s3://{server.bucket}/{base}", "input_config": json.dumps(config)}
    flags = [f"--s3_endpoint_url={server.endpoint}", f"--s3_access_key_id={KEY}",
             f"--s3_secret_access_key={KEY}", "--s3_region_name=us-east-1"]  # fmt: skip
    digests = []
    for name, text in (("a.csv", "x\n1\n"), ("a.csv", "x\n2\n"), ("b.csv", ""), ("b.txt", "")):
        server.put(f"{base}/{name}", text)
        digests.append(data_digest(given, flags))
    assert len(set(digests)) == 3
    assert digests[2] == digests[3]  # No CSV file.
