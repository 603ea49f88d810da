"""Saves at SIGTERM as it should, prints epochs, and never loads what it has saved."""
import json, os, signal, sys, time

folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
stop = False


def request_stop(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, request_stop)
for rounds in range(1, 151):
    time.sleep(0.1)
    if rounds % 50 == 1:
        print("epoch %d of 3" % (rounds // 50 + 1), flush=True)
    stopping = stop
    if stopping or rounds % 20 == 0:
        with open(os.path.join(folder, ".part"), "w") as file:
            json.dump({"at": rounds}, file)
        os.replace(os.path.join(folder, ".part"), os.path.join(folder, "snapshot_%05d.json" % rounds))
    if stopping:
        sys.exit(143)
