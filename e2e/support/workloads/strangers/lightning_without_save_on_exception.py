"""Draws Lightning's bar and ends at SIGTERM as Lightning does: without a save."""
import os, signal, sys, time, zipfile

try:
    import lightning  # the real one need not be there: only its traces count
except ImportError:
    pass
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
stop = False


def request_stop(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, request_stop)
resume = os.environ.get("RUNCTL_RESUME_FROM")
rounds = int(os.path.basename(resume).split("step=")[1].split(".")[0]) if resume else 0
print("GPU available: False, used: False\n`Trainer(max_steps=180)` was configured", flush=True)
while rounds < 180 and not stop:
    time.sleep(0.1)
    rounds += 1
    epoch, batch = divmod(rounds, 30)
    sys.stderr.write("\rEpoch %d: %3d%%|%s| %d/30 [00:%02d<00:01,  9.8it/s, v_num=0, train_loss=0.731]" % (epoch, batch * 100 // 30, "#" * 10, batch, batch // 10))
    if rounds % 30 == 0:
        part = os.path.join(folder, ".part")
        with zipfile.ZipFile(part, "w") as file:
            file.writestr("data.pkl", "x" * 1000)
        os.replace(part, os.path.join(folder, "epoch=%d-step=%d.ckpt" % (epoch, rounds)))
if stop:
    sys.exit(143)
print("\n`Trainer.fit` stopped: `max_steps=180` reached.", flush=True)
