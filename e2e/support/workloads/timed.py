"""Counts and saves like counter.py, and prints when it started, saved and stepped. Arguments: steps, seconds a step."""
import time

began = time.time()
import json, os, signal, sys

steps, pause = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
stop = False


def on_term(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, on_term)
step = json.load(open(os.environ["RUNCTL_RESUME_FROM"]))["step"] if os.environ.get("RUNCTL_RESUME_FROM") else 0
print("timed began %.3f" % began, flush=True)
while step < steps and not stop:
    step += 1
    print("step %d" % step, flush=True)
    print("timed step %.3f" % time.time(), flush=True)
    time.sleep(pause)
os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, "step-%06d.json" % step)
with open(path + ".tmp", "w") as out:
    json.dump({"step": step}, out)
os.replace(path + ".tmp", path)
print("timed saved %.3f" % time.time(), flush=True)
sys.exit(143 if stop else 0)
