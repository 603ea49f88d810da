"""Saves and resumes as counter.py does, but tells nobody which step it is at. Arguments: steps, seconds a step."""
import json, os, signal, sys, time

steps, pause = int(sys.argv[1]), float(sys.argv[2])
path = os.path.join(os.environ["RUNCTL_CHECKPOINT_DIR"], "model.json")
stop = False


def on_term(*_):
    global stop
    stop = True


def save():
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".tmp", "w") as out:
        json.dump({"rounds": rounds, "digest": digest}, out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".tmp", path)


signal.signal(signal.SIGTERM, on_term)
rounds, digest = 0, 1
if os.environ.get("RUNCTL_RESUME_FROM"):
    state = json.load(open(os.environ["RUNCTL_RESUME_FROM"]))
    rounds, digest = state["rounds"], state["digest"]
while rounds < steps and not stop:
    time.sleep(pause)
    rounds += 1
    digest = digest * 6364136223846793005 + rounds & (1 << 64) - 1
    if rounds % 10 == 0:
        save()
save()
sys.exit(143 if stop else 0)
