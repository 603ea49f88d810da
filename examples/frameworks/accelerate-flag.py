"""accelerate: saves every 20 steps into a folder that is renamed when it is whole, once more on SIGTERM, and resumes."""

import os
import re
import shutil
import signal
import sys
import time

stop_requested = False


def request_stop(signal_number, frame):
    global stop_requested
    stop_requested = True


signal.signal(signal.SIGTERM, request_stop)  # before the slow imports

import torch
from accelerate import Accelerator

STEPS, STEP_SECONDS = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.AdamW(model.parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 50)
model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)


def save(step):
    whole, temporary = os.path.join(folder, f"step_{step}"), os.path.join(folder, f".tmp-step_{step}")
    accelerator.save_state(temporary)
    shutil.rmtree(whole, ignore_errors=True)
    os.replace(temporary, whole)


first = 0
if os.environ.get("RUNCTL_RESUME_FROM"):
    accelerator.load_state(os.environ["RUNCTL_RESUME_FROM"])
    first = int(re.search(r"step_(\d+)", os.path.basename(os.environ["RUNCTL_RESUME_FROM"])).group(1))
print(f"training from step {first}", flush=True)
for step in range(first + 1, STEPS + 1):
    time.sleep(STEP_SECONDS)  # a real model takes as long
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(torch.rand(8, 8)), torch.rand(8, 1))
    accelerator.backward(loss)
    optimizer.step()
    scheduler.step()
    print(f"step {step} loss {loss.item():.3f}", flush=True)
    stopping = stop_requested
    if stopping or step % 20 == 0 or step == STEPS:
        save(step)
    if stopping:
        sys.exit(143)
if os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
