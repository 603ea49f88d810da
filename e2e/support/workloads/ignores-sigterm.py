"""The same counting, deaf to SIGTERM. Arguments: steps, seconds a step."""
import json, os, signal, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
steps, pause = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
os.makedirs(folder, exist_ok=True)
step = 0
if os.environ.get("RUNCTL_RESUME_FROM"):
    step = json.load(open(os.environ["RUNCTL_RESUME_FROM"]))["step"]
    print("resumed at step %d" % step, flush=True)
while step < steps:
    time.sleep(pause)
    step += 1
    print("step %d" % step, flush=True)
    if step % 10 == 0:
        path = os.path.join(folder, "step-%06d.json" % step)
        with open(path + ".tmp", "w") as out:
            json.dump({"step": step}, out)
        os.replace(path + ".tmp", path)
