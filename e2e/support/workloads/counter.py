"""Counts steps, saves atomically every few of them, saves at once on SIGTERM, resumes. Arguments: steps, seconds a step, hold=step of life 1,step of life 2…"""
import json, os, signal, sys, time

steps, pause = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
# Life n waits at the nth of these steps until it is ended: whatever a test does to it comes before its last step.
holds = [int(step) for word in sys.argv if word.startswith("hold=") for step in word[5:].split(",")]
hold = dict(enumerate(holds, 1)).get(int(os.environ["RUNCTL_ATTEMPT"]))
stop = False


def on_term(*_):
    global stop
    stop = True


def save(step, digest):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "step-%06d.json" % step)
    with open(path + ".tmp", "w") as out:
        json.dump({"step": step, "digest": digest}, out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".tmp", path)


signal.signal(signal.SIGTERM, on_term)
step, digest = 0, 1
resume = os.environ.get("RUNCTL_RESUME_FROM")
if resume:
    state = json.load(open(resume))
    step, digest = state["step"], state["digest"]
    print("resumed at step %d" % step, flush=True)
while step < steps and not stop:
    time.sleep(pause)
    if step == hold:
        continue
    step += 1
    digest = digest * 6364136223846793005 + step & (1 << 64) - 1
    print("step %d" % step, flush=True)
    if step % 10 == 0:
        save(step, digest)
save(step, digest)
if stop:
    print("saved step %d after SIGTERM" % step, flush=True)
    sys.exit(143)
open(os.environ["RUNCTL_DONE_FILE"], "w").close()
print("result %d" % digest, flush=True)
