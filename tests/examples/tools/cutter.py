#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""cutter.py SERVER-PORT BYTES PORT-FILE LOG: a bad line to a server on this machine.

Each connection is passed on and ends after that many bytes from the server; 0: never. LOG gets a
line "+" for each connection when it begins, and the number of bytes when it ends.
"""
from __future__ import annotations

import os
import socket
import sys
import threading

CHUNK_BYTES = 4096


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other direction was cut


def note(log: str, line: str) -> None:
    with open(log, "a", encoding="ascii") as file:
        file.write(line + "\n")


def serve(client: socket.socket, port: int, most: int, log: str) -> None:
    sent = 0
    note(log, "+")
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        try:
            while chunk := server.recv(min(CHUNK_BYTES, most - sent) if most else CHUNK_BYTES):
                client.sendall(chunk)
                sent += len(chunk)
                if sent == most:
                    break
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    note(log, str(sent))


def main() -> None:
    port, most, port_file, log = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with open(port_file + ".new", "w", encoding="ascii") as file:
            file.write(str(listener.getsockname()[1]))
        os.replace(port_file + ".new", port_file)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, port, most, log), daemon=True).start()


if __name__ == "__main__":
    main()
