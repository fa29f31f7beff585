# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""answers.py COMMAND...: runs it on a terminal and answers as an operator would: each question for a
PIN with the same one, apt's with yes. Shows what the command shows; ends with its exit status."""

import os
import pty
import re
import select
import signal
import sys
import time

PIN = b"271828"
QUESTIONS = ((re.compile(rb"PIN[^\n]*: (\([^\n]*\) )?$"), PIN), (re.compile(rb"\[Y/n\] $"), b"y"))
QUIET_S = 0.3  # a program that asks drops what was typed before
DEADLINE_S = 180
COLOURS = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def answer(terminal, text):
    line = COLOURS.sub(b"", text.replace(b"\r", b"\n").rpartition(b"\n")[2])
    for question, words in QUESTIONS:
        if question.search(line):
            os.write(terminal, words + b"\n")
            return True
    return False


def converse(terminal):
    text = b""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if not select.select([terminal], [], [], QUIET_S)[0]:
            if answer(terminal, text):
                text = b""
            continue
        try:
            came = os.read(terminal, 65536)
        except OSError:  # its other end is closed
            return True
        if not came:
            return True
        text += came
        os.write(1, came)
    return False


def main():
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    if not converse(terminal):
        print("answers.py: it does not end", file=sys.stderr)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


sys.exit(main())
