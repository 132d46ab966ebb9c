"""The key that signs the heads of the audit chains; made at first use, kept in the data folder, never sent anywhere."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import StoreError

_NAME = "audit-signing.key"


def signing_key(data_dir: Path) -> Ed25519PrivateKey:
    """The installation's key. StoreError if the folder cannot be written or the file is not a key."""
    path = data_dir / _NAME
    try:
        if not path.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{_NAME}.{os.getpid()}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            try:
                os.link(fresh, path)  # the first of several processes wins
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"the signing key {path} cannot be read or made: {error}; restore it from a backup") from error
