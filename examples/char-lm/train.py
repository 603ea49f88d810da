#!/usr/bin/env python3
"""Trains a small language model and can be interrupted anywhere without losing anything.

The parts that make it interruption-safe are marked [1] to [5]; copy those. Python >= 3.9, no packages.
"""

import argparse
import hashlib
import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import model

KEEP = 3
NAME = re.compile(r"^checkpoint-(\d+)\.json$")

# [1] The signal handler only notes the request. The loop acts on it between two steps, so a signal can neither
# cut a step nor a save in half, and one that arrives during a save is still there when the save is over.
stop_requested = False


def request_stop(signal_number, frame):
    global stop_requested
    stop_requested = True


signal.signal(signal.SIGTERM, request_stop)


# [2] Write beside the target, flush to the disk, rename. Under its final name a file is always whole, even if the
# machine loses power during the save.
def write_atomically(path, text):
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def checkpoints_in(folder):
    """(step, path) of every checkpoint in the folder, oldest first. Compares numbers, not names."""
    found = ((NAME.match(path.name), path) for path in folder.iterdir())
    return sorted((int(match.group(1)), path) for match, path in found if match)


# [3] A checkpoint holds everything that decides the next step: weights, optimiser, random generator, step. What is
# missing here is what makes a resumed run drift away from an undisturbed one.
def save(folder, state):
    path = folder / f"checkpoint-{state['step']:06d}.json"
    write_atomically(path, json.dumps(state, sort_keys=True, separators=(",", ":")) + "\n")
    # Files of later steps (after a resume from an older checkpoint) are left alone; they must not push this one out.
    past = [other for step, other in checkpoints_in(folder) if step <= state["step"]]
    for old in past[:-KEEP]:
        old.unlink()
    return path


# [4] What the caller names first, then the newest that can be read. A fresh start only where there is no checkpoint at
# all: if there are some and none can be read, a person has to look.
def resume(folder, settings):
    for leftover in folder.glob(".checkpoint-*.tmp"):
        leftover.unlink()  # of a life that was killed in a save
    candidates = [path for _, path in reversed(checkpoints_in(folder))]
    named = os.environ.get("RUNCTL_RESUME_FROM")
    if named and Path(named).is_dir():
        candidates = [path for _, path in reversed(checkpoints_in(Path(named)))] + candidates
    elif named and Path(named).exists():
        candidates.insert(0, Path(named))
    for path in candidates:
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            made_with = state["settings"]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            print(f"cannot read {path} ({problem}); trying the one before it", flush=True)
            continue
        if made_with != settings:
            sys.exit(f"{path} was made with {made_with}, this run has {settings}: use another checkpoint folder")
        print(f"resumed from {path} at step {state['step']}", flush=True)
        return state
    if candidates:
        sys.exit(f"none of the {len(candidates)} checkpoints can be read; not starting over: move them away to do that")
    return None


def random_state_of(rng):
    version, numbers, spare = rng.getstate()
    return [version, list(numbers), spare]


def restore_random_state(rng, saved):
    version, numbers, spare = saved
    rng.setstate((version, tuple(numbers), spare))


def report(state):
    print(f"step {state['step']} loss {state['loss']:.3f}", flush=True)
    if os.environ.get("RUNCTL_PROGRESS_FILE"):
        write_atomically(Path(os.environ["RUNCTL_PROGRESS_FILE"]), json.dumps({"step": state["step"]}) + "\n")


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--checkpoint-every", type=int, default=100, metavar="STEPS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step-delay-ms", type=int, default=0, help="pause after each step, to rehearse slow training")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    folder = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints")
    folder.mkdir(parents=True, exist_ok=True)

    text = (Path(__file__).parent / "text" / "sonnets.txt").read_text(encoding="utf-8").lower()
    alphabet = sorted(set(text))
    encoded = [alphabet.index(character) for character in text]
    settings = {"seed": arguments.seed, "text": hashlib.sha256(text.encode()).hexdigest()}

    rng = random.Random(arguments.seed)
    state = resume(folder, settings)
    if state is None:
        parameters = model.new_parameters(len(alphabet), rng)
        state = {"settings": settings, "step": 0, "loss": 0.0, "parameters": parameters}
        state["optimizer"] = model.new_optimizer(parameters)
        state["random"] = random_state_of(rng)
        print(f"training from scratch on {len(text)} characters", flush=True)
    restore_random_state(rng, state["random"])

    while state["step"] < arguments.steps:
        contexts, targets = model.sample_batch(encoded, rng)
        loss, gradients = model.loss_and_gradients(state["parameters"], contexts, targets)
        model.adam(state["parameters"], gradients, state["optimizer"])
        state["step"] += 1
        # A running mean; it is part of the state, else the printed loss would jump at every resume.
        state["loss"] = loss if state["step"] == 1 else 0.98 * state["loss"] + 0.02 * loss
        state["random"] = random_state_of(rng)
        time.sleep(arguments.step_delay_ms / 1000)

        if state["step"] % 20 == 0 or state["step"] == arguments.steps:
            report(state)
        # One look at the flag decides both: a signal that comes after it is seen one step later.
        stopping = stop_requested
        if (stopping or state["step"] % arguments.checkpoint_every == 0) and state["step"] < arguments.steps:
            path = save(folder, state)
            if stopping:
                print(f"stopped by SIGTERM at step {state['step']}, saved {path}", flush=True)
                sys.exit(128 + signal.SIGTERM)

    path = save(folder, state)
    # [5] Exit code 0 alone does not tell "finished" from "stopped politely"; the done-file does. It comes last.
    if os.environ.get("RUNCTL_DONE_FILE"):
        write_atomically(Path(os.environ["RUNCTL_DONE_FILE"]), json.dumps({"step": state["step"]}) + "\n")
    written = model.generate(state["parameters"], encoded[: model.CONTEXT], 200, random.Random(arguments.seed))
    print(f"finished at step {state['step']}, saved {path}; a sample:")
    print(text[: model.CONTEXT] + "".join(alphabet[character] for character in written))


if __name__ == "__main__":
    main()
