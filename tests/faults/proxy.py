"""A small TCP proxy that stands for the network between a camera and us, and breaks on demand."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import socket
import struct
import threading
import time
from collections.abc import Callable

RTCP_CHANNEL = 1
_SENDER_REPORT = 200

Alter = Callable[[int, bytes], bytes]


class Proxy:
    """Passes connections on to a port of this machine; what the server says can be disturbed.

    Attributes:
        port: where it listens.
        delay_seconds: what comes from the server arrives so much later.
        bytes_per_second: no more than this comes from the server; None: no limit.
        alter: what becomes of an RTP or RTCP packet (channel, packet) within RTSP.
        rewrite: text (of the same length) that replaces other text in what the server says.
    """

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.delay_seconds = 0.0
        self.bytes_per_second: float | None = None
        self.alter: Alter | None = None
        self.rewrite: tuple[bytes, bytes] | None = None
        self._open = threading.Event()
        self._open.set()
        self._cut = False
        self._insert = b""
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Stops passing anything on, and keeps all connections: a cable is pulled."""
        self._open.clear()

    def thaw(self) -> None:
        """Passes on again, what has piled up included."""
        self._open.set()

    def cut(self) -> None:
        """Breaks the connections off in the middle of the next packet."""
        self._cut = True

    def insert_garbage(self) -> None:
        """Puts a kilobyte of nonsense between two packets."""
        self._insert = os.urandom(1000)

    def close(self) -> None:
        """Ends all connections."""
        self._listener.close()
        self._open.set()
        for connection in self._sockets:
            _end(connection)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except ConnectionRefusedError:
                _end(client)
                continue
            except OSError:
                return
            self._sockets += [client, server]
            late: queue.Queue[tuple[float, bytes] | None] = queue.Queue()
            for work, arguments in (
                (self._copy, (client, server)),
                (self._disturb, (server, late)),
                (self._deliver, (late, client, server)),
            ):
                threading.Thread(target=work, args=arguments, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
        except OSError:
            pass
        _end(target)

    def _disturb(
        self, server: socket.socket, late: queue.Queue[tuple[float, bytes] | None]
    ) -> None:
        waiting = b""
        try:
            while data := server.recv(65536):
                waiting += data
                while part := _first_part(waiting):
                    waiting = waiting[len(part) :]
                    late.put((time.monotonic() + self.delay_seconds, self._altered(part)))
        except OSError:
            pass
        late.put(None)

    def _altered(self, part: bytes) -> bytes:
        if self.rewrite is not None:
            part = part.replace(*self.rewrite)
        if self.alter is not None and part.startswith(b"$"):
            part = part[:4] + self.alter(part[1], part[4:])
        garbage, self._insert = self._insert, b""
        return garbage + part

    def _deliver(
        self,
        late: queue.Queue[tuple[float, bytes] | None],
        client: socket.socket,
        server: socket.socket,
    ) -> None:
        try:
            while (item := late.get()) is not None:
                due, part = item
                time.sleep(max(0.0, due - time.monotonic()))
                self._open.wait()
                if self._cut:
                    self._cut = False
                    client.sendall(part[: len(part) // 2])
                    break
                if self.bytes_per_second:
                    time.sleep(len(part) / self.bytes_per_second)
                client.sendall(part)
        except OSError:
            pass
        _end(client)
        _end(server)


def shift_reports(seconds: int) -> Alter:
    """Makes a camera's clock wrong: alters the time in its sender reports."""

    def alter(channel: int, packet: bytes) -> bytes:
        if channel != RTCP_CHANNEL or packet[1] != _SENDER_REPORT:
            return packet
        (ntp,) = struct.unpack_from(">I", packet, 8)
        return packet[:8] + struct.pack(">I", ntp + seconds) + packet[12:]

    return alter


def shift_stamps(ticks: int) -> Alter:
    """Makes the stream's time stamps jump, as when a camera restarts its encoder."""

    def alter(channel: int, packet: bytes) -> bytes:
        where = 16 if channel == RTCP_CHANNEL else 4
        (stamp,) = struct.unpack_from(">I", packet, where)
        return packet[:where] + struct.pack(">I", (stamp + ticks) % 2**32) + packet[where + 4 :]

    return alter


def spoil_pictures(channel: int, packet: bytes) -> bytes:
    """Fills pictures with nonsense; their headers stay."""
    return packet if channel == RTCP_CHANNEL else packet[:14] + os.urandom(len(packet) - 14)


def _first_part(data: bytes) -> bytes:
    """The first whole packet or answer of RTSP in the data; empty if there is none yet."""
    if data.startswith(b"$"):
        length = 4 + int.from_bytes(data[2:4], "big") if len(data) >= 4 else len(data) + 1
    else:
        head = data.find(b"\r\n\r\n") + 4
        body = re.search(rb"content-length: *(\d+)", data[:head], re.IGNORECASE)
        length = head + int(body[1]) if body and head > 3 else head
        if head == 3:
            return b""
    return data[:length] if len(data) >= length else b""


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
