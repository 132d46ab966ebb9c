"""What a service that has just started holds in memory: nothing that only some of its answers need."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# The service as it is served; a thread waits until it is current, then tells what is loaded and ends the process.
_SERVE = """
import os, sys, threading, time, urllib.request
from api.serving import serve
from storage.settings import load_settings

def tell():
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/v1/health").read()
            break
        except OSError:
            time.sleep(0.05)
    print(*{name.partition(".")[0] for name in list(sys.modules)}, flush=True)
    os._exit(0)

settings = load_settings()
threading.Thread(target=tell, daemon=True).start()
serve(settings, console=CONSOLE)
"""


# Ten threads that allocate at the same time, then what glibc says of its arenas.
_THREADS = """
import ctypes, threading
from api.serving import share_arenas

def allocate():
    together.wait()
    held = [ctypes.create_string_buffer(1000) for _ in range(1000)]
    together.wait()

share_arenas()
together = threading.Barrier(10)
threads = [threading.Thread(target=allocate) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
told = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, told)
libc.fclose(told)
"""


def loaded(folder: Path, *, console: bool) -> set[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "RATIOCAST_DATA_DIR": str(folder), "RATIOCAST_PORT": str(port)}
    source = _SERVE.replace("CONSOLE", str(console))
    ran = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=200, check=True
    )
    return set(ran.stdout.split())


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="arenas are glibc's")
def test_however_many_threads_memory_is_shared_by_two_arenas_unless_told_otherwise() -> None:
    def arenas(**chosen: str) -> int:
        usual = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
        command = [sys.executable, "-c", _THREADS]
        ran = subprocess.run(command, env=usual | chosen, capture_output=True, text=True, timeout=200, check=True)
        return ran.stdout.count("<heap nr=")

    assert arenas() == 2
    assert arenas(MALLOC_ARENA_MAX="4") == 4


@pytest.mark.slow
def test_the_api_starts_without_models_frames_and_the_warehouse(tmp_path: Path) -> None:
    unwanted = {
        "pandas", "pyarrow", "duckdb", "lightgbm", "sklearn", "scipy", "ortools", "matplotlib", "fpdf", "prefect",
        "openpyxl",
    }  # fmt: skip
    here = loaded(tmp_path, console=False)
    assert "fastapi" in here
    assert here & unwanted == set()


@pytest.mark.slow
def test_the_console_starts_without_models_solver_pdf_and_flows(tmp_path: Path) -> None:
    unwanted = {"lightgbm", "sklearn", "scipy", "ortools", "matplotlib", "fpdf", "PIL", "prefect", "openpyxl"}
    assert loaded(tmp_path, console=True) & unwanted == set()
