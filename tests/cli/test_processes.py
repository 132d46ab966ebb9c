from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cli.processes import Processes
from domain.errors import RatiocastError


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_was_started_is_stopped_when_the_block_fails(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    with pytest.raises(RuntimeError, match="boom"), processes:
        processes.start("idle", ["settings"], {})
        pids = [process.pid for _, process in processes._running]
        raise RuntimeError("boom")
    assert pids
    assert not any(alive(pid) for pid in pids)


def test_a_process_that_ends_by_itself_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("wrong", ["settings"], {"RATIOCAST_PORT": "none"})
        with pytest.raises(RatiocastError, match="RATIOCAST_PORT"):
            for _ in range(200):
                processes.fail_if_ended()
                time.sleep(0.1)
