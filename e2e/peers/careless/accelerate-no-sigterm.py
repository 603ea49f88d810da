"""accelerate that saves in place every 20 steps and resumes, and dies at SIGTERM."""

import os
import re
import sys
import time

import torch
from accelerate import Accelerator

STEPS, STEP_SECONDS = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.AdamW(model.parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 50)
model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)


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
    if step % 20 == 0:
        accelerator.save_state(os.path.join(folder, f"step_{step}"))
if os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
