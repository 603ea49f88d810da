"""Prints epochs only and saves after each; at SIGTERM it saves within the epoch. Careful."""
import json, os, signal, sys, time

folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
stop = False


def request_stop(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, request_stop)
resume = os.environ.get("RUNCTL_RESUME_FROM")
epoch, batch = json.load(open(resume)) if resume else [1, 0]


def save():
    with open(os.path.join(folder, ".part"), "w") as file:
        json.dump([epoch, batch], file)
    os.replace(os.path.join(folder, ".part"), os.path.join(folder, "epoch_%02d.json" % epoch))


while epoch <= 8:
    print("Epoch %d/8" % epoch, flush=True)
    while batch < 20:
        rounds = (epoch - 1) * 20 + batch
        time.sleep(0.1)
        batch += 1
        if stop:
            save()
            sys.exit(143)
    epoch, batch = epoch + 1, 0
    save()
