"""What made a model: the release, the sources, the learner; part of every model card."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import lightgbm as lgb


def code_version(name: str, folder: Path) -> dict[str, str]:
    """The release, a fingerprint of the sources in the folder under `name`, and the learner's version."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    try:
        release = version("ratiocast")
    except PackageNotFoundError:
        release = "unreleased"
    return {"ratiocast": release, name: digest.hexdigest()[:16], "lightgbm": lgb.__version__}
