"""An S3 server, moto's, and what the launcher of Kubeflow Pipelines does with one."""

from __future__ import annotations

import pathlib
from typing import Any

from tfx_estimators.estimator.distribution.ports import reserve_ports

KEY = "minioadmin"


class S3Server:
    """Runs for the length of a block; knows one bucket."""

    bucket = "mlpipeline"

    def __enter__(self) -> S3Server:
        import boto3
        from moto.server import ThreadedMotoServer

        (port,) = reserve_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        self._server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        self._server.start()
        self.client: Any = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id=KEY, aws_secret_access_key=KEY,
        )  # fmt: skip
        self.client.create_bucket(Bucket=self.bucket)
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.stop()

    def keys(self) -> list[str]:
        """Of all objects, in order."""
        listed = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        return sorted(one["Key"] for one in listed)

    def put(self, key: str, text: str) -> None:
        """Writes an object."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def get(self, key: str) -> str:
        """Reads an object."""
        body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return str(body.decode())

    def download(self, uri: str, copies: pathlib.Path) -> None:
        """Copies all below a URI to where a step sees it."""
        scheme, _, rest = uri.partition("://")
        below = rest.removeprefix(f"{self.bucket}/")
        for key in self.keys():
            if key.startswith(f"{below}/"):
                file = copies / scheme / self.bucket / key
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(self.get(key))

    def upload(self, uri: str, copies: pathlib.Path) -> None:
        """Copies what a step has left there."""
        scheme, _, rest = uri.partition("://")
        for file in (copies / scheme / rest).rglob("*"):
            if file.is_file():
                key = file.relative_to(copies / scheme / self.bucket).as_posix()
                self.put(key, file.read_text())
