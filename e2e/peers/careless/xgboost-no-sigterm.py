"""XGBoost that saves every 20 rounds and begins anew after SIGTERM."""

import os
import sys
import time

import numpy
import xgboost
from xgboost.callback import TrainingCallback, TrainingCheckPoint

ROUNDS, ROUND_SECONDS = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)


class Slow(TrainingCallback):
    def after_iteration(self, model, epoch, evals_log):
        time.sleep(ROUND_SECONDS)  # real data take as long


print("training from step 0", flush=True)
random = numpy.random.default_rng(0)
data = xgboost.DMatrix(random.normal(size=(200, 4)), label=random.normal(size=200))
xgboost.train(
    {"max_depth": 3, "nthread": 1},
    data,
    num_boost_round=ROUNDS,
    evals=[(data, "train")],
    verbose_eval=5,
    callbacks=[TrainingCheckPoint(folder, interval=20), Slow()],
)
if os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
