"""The same counting, deaf to SIGTERM. Arguments: steps, seconds a step, hold=step of life 1,step of life 2…"""
import json, os, signal, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
steps, pause = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
# Life n waits at the nth of these steps until it is ended: whatever a test does to it comes before its last step.
holds = [int(step) for word in sys.argv if word.startswith("hold=") for step in word[5:].split(",")]
hold = dict(enumerate(holds, 1)).get(int(os.environ["RUNCTL_ATTEMPT"]))
os.makedirs(folder, exist_ok=True)
step = 0
if os.environ.get("RUNCTL_RESUME_FROM"):
    step = json.load(open(os.environ["RUNCTL_RESUME_FROM"]))["step"]
    print("resumed at step %d" % step, flush=True)
while step < steps:
    time.sleep(pause)
    if step == hold:
        continue
    step += 1
    print("step %d" % step, flush=True)
    if step % 10 == 0:
        path = os.path.join(folder, "step-%06d.json" % step)
        with open(path + ".tmp", "w") as out:
            json.dump({"step": step}, out)
        os.replace(path + ".tmp", path)
