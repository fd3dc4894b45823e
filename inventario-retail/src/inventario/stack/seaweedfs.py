"""SeaweedFS: the object store."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from inventario.stack import binaries
from inventario.stack.layout import Layout, write_whole
from inventario.stack.ports import LOOPBACK
from inventario.stack.server import Server

__all__ = ["ACCESS_KEY", "PORTS", "SECRET_KEY", "Bucket", "seaweedfs"]

# Names of its ports in the list of kept ports: the one others use comes first.
PORTS = ("s3", "s3-master", "s3-volume", "s3-filer", "s3-admin")
ACCESS_KEY, SECRET_KEY = "s3-access-key", "s3-secret-key"


def seaweedfs(layout: Layout, ports: dict[str, int]) -> Server:
    """Describe the server: all its parts in one process, closed to everything but S3 with the shop's key.

    It dies by SIGKILL with us: it keeps what it has acknowledged, and its shutdown takes two seconds and more, in which it would hold the ports.

    Raises:
        StackError: The program is not installed.
        OSError: Its settings cannot be written.
    """
    identities = layout.root / "secrets" / "s3.json"
    key = {"accessKey": layout.secret(ACCESS_KEY), "secretKey": layout.secret(SECRET_KEY)}
    write_whole(identities, json.dumps({"identities": [{"name": "shop", "credentials": [key], "actions": ["Admin"]}]}))
    options = {
        "dir": layout.seaweedfs,
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "s3.config": identities,
        "s3.port": ports["s3"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
        "master.port": ports["s3-master"],
        "master.telemetry": "false",
        "volume.port": ports["s3-volume"],
        "volume.preStopSeconds": 0,
        "filer.port": ports["s3-filer"],
        "admin.port": ports["s3-admin"],
        "admin.port.grpc": ports["s3-admin"] + 10_000,
        "admin.ui": "false",
        "webdav": "false",
    }
    command = [str(binaries.weed()), "-logtostderr", "mini", *(f"-{name}={value}" for name, value in options.items())]
    mine = [ports[name] for name in PORTS]
    return Server("SeaweedFS", command, ports["s3"], layout.logs / "seaweedfs.log", patience=4, clear=lambda: _forget_sockets(mine))


def _forget_sockets(ports: list[int]) -> None:
    """Remove the socket files that it makes beside each port and leaves behind. Their place cannot be chosen."""
    for port in (*ports, *(port + 10_000 for port in ports)):
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - the name is SeaweedFS's
            # Another user's file of that name is not ours to remove.
            with contextlib.suppress(OSError):
                path.unlink()


@dataclass(frozen=True, slots=True)
class Bucket:
    """The shop's bucket, with just enough of S3 to see that it is really there."""

    port: int
    access_key: str
    secret_key: str
    name: str

    def works(self) -> bool:
        """Make the bucket where it is missing, write an object, and tell whether both succeeded. The port answers earlier than that."""
        try:
            made = self._put(f"/{self.name}")
            return made in {200, 409} and self._put(f"/{self.name}/.ready", b"ready") == 200
        except (OSError, HTTPException):
            return False

    def _put(self, path: str, body: bytes = b"") -> int:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("PUT", path, body, self._signed(path, body))
            return connection.getresponse().status
        finally:
            connection.close()

    def _signed(self, path: str, body: bytes) -> dict[str, str]:
        """Sign a PUT as AWS describes in "Signature Version 4"."""
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": f"{LOOPBACK}:{self.port}", "x-amz-content-sha256": digest, "x-amz-date": moment}
        names = ";".join(headers)
        request = "\n".join(["PUT", path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, digest])
        scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={self.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return headers | {"authorization": f"AWS4-HMAC-SHA256 {credential}"}
