"""Counts with checkpoints of a size, and takes its time to save. Arguments: steps, seconds a step, MiB, seconds a save, steps between saves, hold=step of life 1,step of life 2…"""
import hashlib, os, random, signal, sys, time

steps, pause, size, slow, every = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
# Life n waits at the nth of these steps until it is ended: whatever a test does to it comes before its last step.
holds = [int(step) for word in sys.argv if word.startswith("hold=") for step in word[5:].split(",")]
hold = dict(enumerate(holds, 1)).get(int(os.environ["RUNCTL_ATTEMPT"]))
stop = False


def on_term(*_):
    global stop
    stop = True


def content(step):
    return random.Random(step).randbytes(size << 20)


def save(step):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "step-%06d.bin" % step)
    with open(path + ".tmp", "wb") as out:
        out.write(content(step))
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".tmp", path)


signal.signal(signal.SIGTERM, on_term)
step = 0
resume = os.environ.get("RUNCTL_RESUME_FROM")
if resume:
    step = int(os.path.basename(resume)[5:11])
    whole = hashlib.sha256(open(resume, "rb").read()).digest() == hashlib.sha256(content(step)).digest()
    print("resumed at step %d %s" % (step, "whole" if whole else "TORN"), flush=True)
while step < steps and not stop:
    time.sleep(pause)
    if step == hold:
        continue
    step += 1
    print("step %d" % step, flush=True)
    if step % every == 0:
        save(step)
if stop:
    time.sleep(slow)
    save(step)
    print("saved step %d after SIGTERM" % step, flush=True)
    sys.exit(143)
save(step)
open(os.environ["RUNCTL_DONE_FILE"], "w").close()
