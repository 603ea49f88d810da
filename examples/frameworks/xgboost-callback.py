"""XGBoost: saves every 20 rounds, once more on SIGTERM through a callback, and resumes. xgboost >= 1.3."""

import os
import signal
import sys
import time

stop_requested = False


def request_stop(signal_number, frame):
    global stop_requested
    stop_requested = True


signal.signal(signal.SIGTERM, request_stop)  # before the slow imports

import numpy
import xgboost
from xgboost.callback import TrainingCallback, TrainingCheckPoint

ROUNDS, ROUND_SECONDS = int(sys.argv[1]), float(sys.argv[2])
folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints"
os.makedirs(folder, exist_ok=True)


class SaveOnSigterm(TrainingCallback):
    def after_iteration(self, model, epoch, evals_log):
        time.sleep(ROUND_SECONDS)  # real data take as long
        if stop_requested:
            # Named as TrainingCheckPoint names its files: by the index of the last round.
            name = f"model_{model.num_boosted_rounds() - 1}.ubj"
            temporary = os.path.join(folder, f".tmp-{name}")
            model.save_model(temporary)
            os.replace(temporary, os.path.join(folder, name))
        return stop_requested


resume_from = os.environ.get("RUNCTL_RESUME_FROM") or None
# xgboost.train counts from 0 again, so only what is left is asked for.
done = xgboost.Booster(model_file=resume_from).num_boosted_rounds() if resume_from else 0
print(f"training from step {done}", flush=True)
random = numpy.random.default_rng(0)
data = xgboost.DMatrix(random.normal(size=(200, 4)), label=random.normal(size=200))
model = xgboost.train(
    {"max_depth": 3, "nthread": 1},
    data,
    num_boost_round=ROUNDS - done,
    evals=[(data, "train")],
    verbose_eval=5,
    xgb_model=resume_from,
    callbacks=[TrainingCheckPoint(folder, interval=20), SaveOnSigterm()],
)
if model.num_boosted_rounds() < ROUNDS:
    sys.exit(143)  # stopped by SIGTERM
if os.environ.get("RUNCTL_DONE_FILE"):
    open(os.environ["RUNCTL_DONE_FILE"], "w").close()
