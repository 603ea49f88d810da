"""Saves and resumes as it should, overwrites one file, and tells nobody where it is."""
import json, os, signal, sys, time

path = os.path.join(os.environ.get("RUNCTL_CHECKPOINT_DIR") or ".", "weights.json")
os.makedirs(os.path.dirname(path), exist_ok=True)
stop = False


def request_stop(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, request_stop)
rounds = json.load(open(path))["rounds"] if os.path.exists(path) else 0
while rounds < 150:
    time.sleep(0.1)
    rounds += 1
    stopping = stop
    if stopping or rounds % 20 == 0:
        with open(path + ".tmp", "w") as file:
            json.dump({"rounds": rounds}, file)
        os.replace(path + ".tmp", path)
    if stopping:
        sys.exit(143)
