"""Types into a program on a pseudo-terminal. One JSON object on stdin says what to do:

  argv    the program and its arguments
  env     its whole environment
  steps   [pattern, text]: once the pattern stands in what came since the last step, the text is typed
  seconds how long each pattern is waited for

Everything that the terminal showed goes to stdout. Exit code 1 when a pattern did not come.
"""

import json
import os
import pty
import re
import select
import signal
import sys
import time


def main():
    task = json.load(sys.stdin)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(task["argv"][0], task["argv"], task["env"])
    shown = b""
    since = 0
    missing = None
    for pattern, text in task["steps"]:
        deadline = time.monotonic() + task["seconds"]
        while re.search(pattern.encode(), shown[since:]) is None:
            ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
            chunk = b""
            if ready:
                try:
                    chunk = os.read(terminal, 65536)
                except OSError:
                    pass
            if chunk == b"":
                missing = pattern
                break
            shown += chunk
        if missing is not None:
            break
        since = len(shown)
        os.write(terminal, text.encode())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(shown)
    if missing is not None:
        sys.stderr.write(f"not shown: {missing}\n")
        sys.exit(1)


main()
