"""Prints and saves each 25 steps, and knows nothing of SIGTERM: what came since the last save is lost, in silence."""
import json, os, time

folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
resume = os.environ.get("RUNCTL_RESUME_FROM")
rounds = json.load(open(resume))["step"] if resume else 0
while rounds < 150:
    time.sleep(0.1)
    rounds += 1
    if rounds % 25 == 0:
        with open(os.path.join(folder, ".part"), "w") as file:
            json.dump({"step": rounds}, file)
        os.replace(os.path.join(folder, ".part"), os.path.join(folder, "model-%d.json" % rounds))
        print("step %d/150 loss 0.2" % rounds, flush=True)
