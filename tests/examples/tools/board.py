#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""A board in a folder, behind the stand-ins for programmers' tools.

    board.py make DIR CERTIFICATE.pem KEY.pem     with its certificate in flash, as its maker left it
    board.py fault DIR FAULT|none                 what is wrong with it from now on

Flash and RAM are files. Its boot loader opens the license in flash with the board's key (openssl),
leaves the firmware in DIR/firmware.bin and its word in RAM. The board is the one in $BOARD_DIR.
"""
from __future__ import annotations

import os
import subprocess
import sys
import time

FLASH_AT, FLASH_BYTES = 0x08000000, 1 << 20
RAM_AT, RAM_BYTES = 0x20000000, 64 << 10
CERT_AT, LICENSE_AT, IMAGE_AT, RESULT_AT = 0x08004000, 0x08010000, 0x08020000, 0x20000000
STUCK_AT = IMAGE_AT + 4096  # with the fault "stuck" this byte of flash takes another value
FAULTS = (
    "none",
    "no-probe",  # the adapter is not plugged in
    "no-target",  # no board sits in the socket
    "hang",  # the tool waits for ever
    "slow",  # it needs a while to connect
    "stuck",  # one byte of flash cannot be programmed
    "decay",  # one byte of flash changes after it was verified
    "silent",  # the boot loader says nothing
)


class Missing(Exception):
    """Nothing answers at this address."""


class Board:
    def __init__(self, folder: str) -> None:
        self.folder = folder
        with open(self._path("fault"), encoding="ascii") as file:
            self.fault = file.read().strip()

    def connect(self) -> None:
        time.sleep({"hang": 600, "slow": 1}.get(self.fault, 0))

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _place(self, address: int, length: int) -> tuple[str, int]:
        for name, begin, size in (("flash", FLASH_AT, FLASH_BYTES), ("ram", RAM_AT, RAM_BYTES)):
            if begin <= address and address + length <= begin + size:
                return self._path(name), address - begin
        raise Missing(f"0x{address:08x}")

    def read(self, address: int, length: int) -> bytes:
        path, offset = self._place(address, length)
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(length)

    def write(self, address: int, content: bytes) -> None:
        path, offset = self._place(address, len(content))
        if self.fault == "stuck" and address <= STUCK_AT < address + len(content):
            at = STUCK_AT - address
            content = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(content)

    def boot(self) -> None:
        """A reset: the boot loader runs."""
        if self.fault == "decay":
            self.write(IMAGE_AT, bytes([self.read(IMAGE_AT, 1)[0] ^ 1]))
        if self.fault != "silent":
            self.write(RESULT_AT, self._install())

    def _install(self) -> bytes:
        size = int.from_bytes(self.read(LICENSE_AT, 4), "little")
        with open(self._path("license"), "wb") as file:
            file.write(self.read(LICENSE_AT + 4, 4096))
        with open(self._path("image"), "wb") as file:
            file.write(self.read(IMAGE_AT, size))
        command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "license"]
        command += ["-content", "image", "-inkey", "key.pem", "-out", "firmware.new"]
        opened = subprocess.run(command, cwd=self.folder, capture_output=True, check=False)
        if opened.returncode == 0:
            os.replace(self._path("firmware.new"), self._path("firmware.bin"))
            return b"DONE"
        # With the wrong key nothing is unwrapped; with the right one only the tag can be wrong.
        return b"ELIC" if b"using private key" in opened.stderr else b"EIMG"


def here() -> Board:
    return Board(os.environ["BOARD_DIR"])


def make(folder: str, certificate: str, key: str) -> None:
    os.makedirs(folder)
    for name, size in (("flash", FLASH_BYTES), ("ram", RAM_BYTES)):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"\xff" * size)
    with open(key, "rb") as source, open(os.path.join(folder, "key.pem"), "wb") as file:
        file.write(source.read())
    set_fault(folder, "none")
    command = ["openssl", "x509", "-in", certificate, "-outform", "DER"]
    Board(folder).write(CERT_AT, subprocess.run(command, capture_output=True, check=True).stdout)


def set_fault(folder: str, fault: str) -> None:
    if fault not in FAULTS:
        sys.exit(f"board.py: no such fault: {fault}")
    with open(os.path.join(folder, "fault"), "w", encoding="ascii") as file:
        file.write(fault)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
    else:
        set_fault(*sys.argv[2:])
