"""A network between a browser and the service that can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Passes bytes on to `target` while it is `up`; cut, it ends what was open and answers nothing."""

    listener: socket.socket
    target: tuple[str, int]
    up: bool = True
    _open: list[socket.socket] = field(default_factory=list)
    _passing: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def cut(self) -> None:
        self.up = False
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._passing:
            thread.join()
        for each in self._open:
            each.close()
        self._open.clear()
        self._passing.clear()

    def serve(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                caller, _ = self.listener.accept()
                if not self.up:
                    caller.close()
                    continue
                answerer = socket.create_connection(self.target)
                self._open += [caller, answerer]
                for one, other in ((caller, answerer), (answerer, caller)):
                    self._passing.append(threading.Thread(target=_pass_on, args=(one, other), daemon=True))
                    self._passing[-1].start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    """A relay in front of a service on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(listener, ("127.0.0.1", int(url.rsplit(":", 1)[1])))
        threading.Thread(target=relay.serve, daemon=True).start()
        yield relay
        relay.cut()
