"""torchrun: rank 0 saves every 20 steps, all resume, and die at SIGTERM."""

import os
import sys
import time

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

STEPS, STEP_SECONDS = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)
distributed.init_process_group("gloo")
rank = distributed.get_rank()
model = DistributedDataParallel(torch.nn.Linear(8, 1))
optimizer = torch.optim.AdamW(model.parameters())


def save(step):
    if rank == 0:
        temporary = os.path.join(folder, f".checkpoint-{step:06d}.tmp")
        torch.save({"step": step, "model": model.module.state_dict(), "optimizer": optimizer.state_dict()}, temporary)
        os.replace(temporary, os.path.join(folder, f"checkpoint-{step:06d}.pt"))
    distributed.barrier()  # no rank exits before the file is there


first = 0
if os.environ.get("RUNCTL_RESUME_FROM"):
    saved = torch.load(os.environ["RUNCTL_RESUME_FROM"], map_location="cpu")
    model.module.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    first = saved["step"]
if rank == 0:
    print(f"training from step {first}", flush=True)
for step in range(first + 1, STEPS + 1):
    time.sleep(STEP_SECONDS)  # a real model takes as long
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(torch.rand(8, 8)), torch.rand(8, 1))
    loss.backward()
    optimizer.step()
    if rank == 0:
        print(f"step {step} loss {loss.item():.3f}", flush=True)
    if step % 20 == 0 or step == STEPS:
        save(step)
if rank == 0 and os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
distributed.destroy_process_group()
