"""Prints nothing; only the names of its checkpoints tell a step. Careful otherwise."""
import json, os, signal, sys, time

folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
stop = False


def request_stop(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, request_stop)
resume = os.environ.get("RUNCTL_RESUME_FROM")
rounds = json.load(open(resume))["done"] if resume else 0
while rounds < 150:
    time.sleep(0.1)
    rounds += 1
    stopping = stop
    if stopping or rounds % 20 == 0:
        with open(os.path.join(folder, ".part"), "w") as file:
            json.dump({"done": rounds}, file)
        os.replace(os.path.join(folder, ".part"), os.path.join(folder, "iter_%05d.json" % rounds))
    if stopping:
        sys.exit(143)
