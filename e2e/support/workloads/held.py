"""Runs a training script as it is, but lets life n wait at the nth of the given steps until it is ended.

So what a test does to a life comes before its last step, however fast or slow the machine is. Also prints each step that the
script keeps in `state` or `training`. Of a launcher's ranks the first waits, and the others for it.
Arguments: a file that counts the lives, steps with commas (- for a life that goes through), the script beside this one, its
arguments.
"""
import os, runpy, signal, sys, time

lives, holds, script = sys.argv[1:4]
sys.argv = [script, *sys.argv[4:]]
is_first = os.environ.get("RANK", "0") == "0"
counter = os.open(lives, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
if is_first:
    os.write(counter, b".")
hold = dict(enumerate(holds.split(","), 1)).get(os.fstat(counter).st_size, "-") if is_first else "-"
os.close(counter)
stopped = False
sleep, handle = time.sleep, signal.signal


def noted(handler):
    def note(*what):
        global stopped
        stopped = True
        handler(*what)

    return note if callable(handler) else handler


def paced(seconds):
    sleep(seconds)
    names = sys._getframe(1).f_locals
    kept = names.get("state") or names.get("training") or {}
    if "step" in kept:
        print("step %d" % kept["step"], flush=True)
    step = kept.get("step", names.get("rounds", names.get("step")))
    while str(step) == hold and not stopped:
        sleep(0.02)


time.sleep = paced
signal.signal = lambda number, handler: handle(number, noted(handler))
runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), script), run_name="__main__")
