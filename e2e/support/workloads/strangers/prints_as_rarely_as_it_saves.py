"""Prints and saves each 25 steps, and knows nothing of SIGTERM: what came since the last save is lost, in silence."""
import json, os, time

folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
resume = os.environ.get("RUNCTL_RESUME_FROM")
step = json.load(open(resume))["step"] if resume else 0
while step < 150:
    time.sleep(0.1)
    step += 1
    if step % 25 == 0:
        with open(os.path.join(folder, ".part"), "w") as file:
            json.dump({"step": step}, file)
        os.replace(os.path.join(folder, ".part"), os.path.join(folder, "model-%d.json" % step))
        print("step %d/150 loss 0.2" % step, flush=True)
