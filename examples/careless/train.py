#!/usr/bin/env python3
"""Trains a model the way much training code is written. It works, until it is interrupted.

The mistakes are marked [A] to [F]. Do not copy from here: ../char-lm/train.py is the same with the mistakes taken out.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time

# [A] "The job must not die when I log out": now nobody can ask it to save and stop.
signal.signal(signal.SIGTERM, signal.SIG_IGN)

MODEL = os.path.join(os.environ.get("RUNCTL_CHECKPOINT_DIR", "checkpoints"), "model.json")


def data_loader(pipe, seed):
    """The other process: prepares samples ahead of the training."""
    rng = random.Random(seed)
    born = time.monotonic()
    # A real one would stay until the machine is switched off; this one goes after a minute, so that trying it out
    # leaves nothing behind.
    while time.monotonic() - born < 60:
        x = rng.uniform(-1, 1)
        try:
            os.write(pipe, json.dumps([x, 3 * x - 1 + rng.gauss(0, 0.1)]).encode() + b"\n")
        except OSError:
            time.sleep(0.5)  # [B] "the trainer is surely back in a moment": it outlives a trainer that died


def start_data_loader(seed):
    reader, writer = os.pipe()
    # [B] It gets a session of its own, so that a signal to the trainer's process group does not reach it, ignores
    # SIGTERM like its parent (an ignored signal stays ignored over exec), and keeps the trainer's stdout open.
    process = subprocess.Popen(
        [sys.executable, __file__, "--data-loader", str(writer), "--seed", str(seed)],
        pass_fds=[writer],
        start_new_session=True,
    )
    os.close(writer)
    print(f"data loader started, pid {process.pid}", flush=True)
    return process, os.fdopen(reader)


def save(state):
    """Takes about half a second, as writing some gigabytes to a disk does."""
    # [C] Truncates the only good checkpoint before the new one is written. [D] Always the same name: there is no
    # older one to go back to.
    with open(MODEL, "w") as file:
        text = json.dumps(state)
        for start in range(0, len(text), len(text) // 10 + 1):
            file.write(text[start : start + len(text) // 10 + 1])
            file.flush()
            time.sleep(0.05)


def load():
    try:
        with open(MODEL) as file:
            state = json.load(file)
        print(f"resumed at step {state['step']}", flush=True)
        return state
    except Exception:  # [E] a missing file and a broken one are the same to it: hours of training gone without a word
        print("starting at step 0", flush=True)
        return {"step": 0, "slope": 0.0, "offset": 0.0, "losses": []}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--save-every", type=int, default=40, metavar="STEPS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data-loader", type=int, metavar="FD", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.data_loader is not None:
        return data_loader(arguments.data_loader, arguments.seed)

    os.makedirs(os.path.dirname(MODEL), exist_ok=True)
    state = load()
    # [F] The data begin anew with each life: their place and the random generator are not in the checkpoint.
    loader, samples = start_data_loader(arguments.seed)
    while state["step"] < arguments.steps:
        x, y = json.loads(next(samples))
        error = state["slope"] * x + state["offset"] - y
        state["slope"] -= 0.1 * error * x
        state["offset"] -= 0.1 * error
        state["losses"].append(error * error)
        state["step"] += 1
        time.sleep(0.035)
        if state["step"] % 5 == 0:
            print(f"step {state['step']}", flush=True)
        if state["step"] % arguments.save_every == 0:
            save(state)
    loader.kill()
    loader.wait()
    save(state)
    print(f"finished: y = {state['slope']:.2f} x + {state['offset']:.2f}")


if __name__ == "__main__":
    main()
