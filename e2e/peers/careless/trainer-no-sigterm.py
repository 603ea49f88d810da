"""Hugging Face Trainer that saves every 20 steps and resumes, and dies at SIGTERM."""

import os
import sys
import time

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

STEPS, STEP_SECONDS = int(sys.argv[1]), float(sys.argv[2])


class TellStart(TrainerCallback):
    def on_train_begin(self, args, state, control, **kwargs):
        print(f"training from step {state.global_step}", flush=True)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 1)

    def forward(self, inputs, labels):
        time.sleep(STEP_SECONDS)  # a real model takes as long
        return {"loss": torch.nn.functional.mse_loss(self.layer(inputs), labels)}


data = [{"inputs": torch.rand(8), "labels": torch.rand(1)} for _ in range(256)]
arguments = TrainingArguments(
    output_dir=os.environ.get("RUNCTL_CHECKPOINT_DIR") or "out",
    save_strategy="steps",
    save_steps=20,
    save_total_limit=3,
    max_steps=STEPS,
    per_device_train_batch_size=8,
    logging_steps=10,
    report_to=[],
    use_cpu=True,
)
trainer = Trainer(model=Model(), args=arguments, train_dataset=data, callbacks=[TellStart()])
trainer.train(resume_from_checkpoint=os.environ.get("RUNCTL_RESUME_FROM") or None)
if os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
