# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command with a pseudo-terminal as its standard error. What is written to the terminal goes to FILE, but is
read only once READ exists.

    overload-terminal.py FILE READ COMMAND...
"""
import os
import select
import signal
import subprocess
import sys

path, read, command = sys.argv[1], sys.argv[2], sys.argv[3:]
master, slave = os.openpty()
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=slave)
os.close(slave)
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
with open(path, "wb", buffering=0) as out:
    while child.poll() is None:
        if not os.path.exists(read):
            select.select([], [], [], 0.02)
        elif select.select([master], [], [], 0.02)[0]:
            try:
                out.write(os.read(master, 65536))
            except OSError:
                break
sys.exit(child.wait())
