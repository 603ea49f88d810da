"""Saves as it should, SIGTERM or not, and begins at step 0 in every life. Arguments: steps, seconds a step."""
import json, os, signal, sys, time

steps, pause = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
stop = False


def on_term(*_):
    global stop
    stop = True


def save():
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "step-%06d.json" % step)
    with open(path + ".tmp", "w") as out:
        json.dump({"step": step}, out)
    os.replace(path + ".tmp", path)


signal.signal(signal.SIGTERM, on_term)
step = 0
while step < steps and not stop:
    time.sleep(pause)
    step += 1
    print("step %d" % step, flush=True)
    if step % 10 == 0:
        save()
save()
sys.exit(143 if stop else 0)
