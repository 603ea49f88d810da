"""Keras with BackupAndRestore as it is by default, which dies at SIGTERM."""

import os
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy
from keras.callbacks import BackupAndRestore

EPOCHS, BATCH_SECONDS = int(sys.argv[1]), float(sys.argv[2])


class SlowBackup(BackupAndRestore):
    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        print(f"training from step {self.model._initial_epoch or 0}", flush=True)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        time.sleep(BATCH_SECONDS)  # a real model takes as long


model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
model.compile("adam", "mse")
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "backup"
backup = SlowBackup(folder)
model.fit(numpy.random.rand(160, 4), numpy.random.rand(160, 1), batch_size=8, epochs=EPOCHS, callbacks=[backup])
if os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
