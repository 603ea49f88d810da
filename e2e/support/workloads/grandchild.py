"""Ends at once and leaves behind a process that keeps its output open and is deaf to SIGTERM."""
import os, signal, sys, time

if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)
print("step 1", flush=True)
open(os.environ["RUNCTL_DONE_FILE"], "w").close()
