"""Lightning that saves every 20 steps and resumes, and ends at SIGTERM without a save."""

import os
import sys
import time

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar

STEPS, STEP_SECONDS = int(sys.argv[1]), float(sys.argv[2])


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 1)

    def on_train_start(self):
        print(f"training from step {self.global_step}", flush=True)

    def training_step(self, batch, _):
        time.sleep(STEP_SECONDS)  # a real model takes as long
        inputs, labels = batch
        return torch.nn.functional.mse_loss(self.layer(inputs), labels)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())


data = torch.utils.data.TensorDataset(torch.rand(256, 8), torch.rand(256, 1))
checkpoints = ModelCheckpoint(
    dirpath=os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints",
    every_n_train_steps=20,
    save_top_k=-1,
)
trainer = Trainer(accelerator="cpu", max_steps=STEPS, logger=False, callbacks=[checkpoints, TQDMProgressBar()])
loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
trainer.fit(Model(), loader, ckpt_path=os.environ.get("RUNCTL_RESUME_FROM") or None)
if trainer.global_step >= STEPS and os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
