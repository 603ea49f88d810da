#!/usr/bin/env python3
"""Trains a small character-level GRU in PyTorch and can be interrupted anywhere without losing anything.

The parts that make it interruption-safe are marked [1] to [6]; copy those. torch >= 1.13, CPU.
"""

import argparse
import hashlib
import io
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

# [1] The signal handler only notes the request; the loop acts on it between two steps. It is installed before the
# slow import of torch, so that a signal during start-up is not the end of the process either.
stop_requested = False


def request_stop(signal_number, frame):
    global stop_requested
    stop_requested = True


signal.signal(signal.SIGTERM, request_stop)

import torch  # noqa: E402
from torch import nn  # noqa: E402

KEEP = 3
NAME = re.compile(r"^checkpoint-(\d+)\.pt$")
SEQUENCE, BATCH, WIDTH = 32, 8, 64


class Model(nn.Module):
    def __init__(self, vocabulary_size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, 24)
        self.recurrent = nn.GRU(24, WIDTH, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.output = nn.Linear(WIDTH, vocabulary_size)

    def forward(self, characters, hidden=None):
        outputs, hidden = self.recurrent(self.embedding(characters), hidden)
        return self.output(self.dropout(outputs)), hidden


# [2] torch.save straight into the final file can leave half a file there. Serialise in memory (for a big model: into
# the temporary file), flush to the disk, rename.
def write_atomically(path, content):
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def canonical(value):
    """A copy that pickles to the same bytes whether the state was computed or loaded.

    pickle writes an object once and refers back to it, by identity, so equal states need not be equal files: strings
    that come from code are shared with each other, those that come from a file are not; a tensor may be a view of a
    bigger storage. You need this only if you want to compare checkpoints byte for byte.
    """
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone(memory_format=torch.contiguous_format)
    if isinstance(value, dict):
        return {canonical(key): canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([canonical(item) for item in value])
    return sys.intern(value) if isinstance(value, str) else value


def checkpoints_in(folder):
    """(step, path) of every checkpoint in the folder, oldest first. Compares numbers, not names."""
    found = ((NAME.match(path.name), path) for path in folder.iterdir())
    return sorted((int(match.group(1)), path) for match, path in found if match)


# [3] Weights are not enough: the optimiser's moments, the random generators (dropout, order of the data) and the step
# decide what comes next. Also a learning-rate scheduler, a GradScaler and Python's or numpy's generator, if you use them.
def save(folder, training):
    state = {
        "settings": training["settings"],
        "step": training["step"],
        "loss": training["loss"],
        "model": training["model"].state_dict(),
        "optimizer": training["optimizer"].state_dict(),
        "random": {"torch": torch.get_rng_state(), "data": training["data_order"].get_state()},
    }
    # A buffer also keeps the file's name out of its content: torch.save(path) uses it for the folder inside the zip.
    buffer = io.BytesIO()
    torch.save(canonical(state), buffer)
    path = folder / f"checkpoint-{state['step']:06d}.pt"
    write_atomically(path, buffer.getvalue())
    # Files of later steps (after a resume from an older checkpoint) are left alone; they must not push this one out.
    past = [other for step, other in checkpoints_in(folder) if step <= state["step"]]
    for old in past[:-KEEP]:
        old.unlink()
    return path


# [4] What the caller names first, then the newest that can be read. A fresh start only where there is no checkpoint at
# all: if there are some and none can be read, a person has to look. map_location lets a checkpoint from a GPU be read
# anywhere. The state is made of plain containers, so weights_only (torch >= 2.6: the default) can read it too.
def resume(folder, training):
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
            state = torch.load(path, map_location="cpu")
            made_with = state["settings"]
        except Exception as problem:  # torch raises several unrelated types for a damaged file
            print(f"cannot read {path} ({type(problem).__name__}); trying the one before it", flush=True)
            continue
        if made_with != training["settings"]:
            expected = training["settings"]
            sys.exit(f"{path} was made with {made_with}, this run has {expected}: use another checkpoint folder")
        training["model"].load_state_dict(state["model"])
        training["optimizer"].load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"]["torch"])
        training["data_order"].set_state(state["random"]["data"])
        training["step"], training["loss"] = state["step"], state["loss"]
        print(f"resumed from {path} at step {state['step']}", flush=True)
        return True
    if candidates:
        sys.exit(f"none of the {len(candidates)} checkpoints can be read; not starting over: move them away to do that")
    return False


def report(training):
    print(f"step {training['step']} loss {training['loss']:.3f}", flush=True)
    if os.environ.get("RUNCTL_PROGRESS_FILE"):
        content = json.dumps({"step": training["step"]}) + "\n"
        write_atomically(Path(os.environ["RUNCTL_PROGRESS_FILE"]), content.encode())


def train_one_step(training, text):
    starts = torch.randint(len(text) - SEQUENCE, (BATCH,), generator=training["data_order"])
    windows = torch.stack([text[start : start + SEQUENCE + 1] for start in starts.tolist()])
    scores, _ = training["model"](windows[:, :-1])
    loss = nn.functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), windows[:, 1:].reshape(-1))
    training["optimizer"].zero_grad(set_to_none=True)
    loss.backward()
    training["optimizer"].step()
    training["step"] += 1
    # A running mean; it is part of the state, else the printed loss would jump at every resume.
    training["loss"] = loss.item() if training["step"] == 1 else 0.98 * training["loss"] + 0.02 * loss.item()


@torch.no_grad()
def generate(model, start, length, generator):
    model.eval()
    written, hidden, characters = [], None, start
    for _ in range(length):
        scores, hidden = model(characters.unsqueeze(0), hidden)
        characters = torch.multinomial(torch.softmax(scores[0, -1], 0), 1, generator=generator)
        written.append(characters.item())
    return written


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--checkpoint-every", type=int, default=50, metavar="STEPS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step-delay-ms", type=int, default=0, help="pause after each step, to rehearse slow training")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    # [5] The same bits on every life: one thread (sums in another order round differently) and no kernel that is
    # free to choose. On a GPU also set CUBLAS_WORKSPACE_CONFIG=:4096:8 before the first use of CUDA.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(arguments.seed)
    folder = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints")
    folder.mkdir(parents=True, exist_ok=True)

    text = (Path(__file__).parent / "text" / "speeches.txt").read_text(encoding="utf-8")
    alphabet = sorted(set(text))
    encoded = torch.tensor([alphabet.index(character) for character in text])
    model = Model(len(alphabet))
    training = {
        "settings": {"seed": arguments.seed, "text": hashlib.sha256(text.encode()).hexdigest()},
        "step": 0,
        "loss": 0.0,
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=0.004),
        "data_order": torch.Generator().manual_seed(arguments.seed),
    }
    if not resume(folder, training):
        print(f"training from scratch on {len(text)} characters", flush=True)

    while training["step"] < arguments.steps:
        train_one_step(training, encoded)
        time.sleep(arguments.step_delay_ms / 1000)
        if training["step"] % 20 == 0 or training["step"] == arguments.steps:
            report(training)
        # One look at the flag decides both: a signal that comes after it is seen one step later.
        stopping = stop_requested
        if (stopping or training["step"] % arguments.checkpoint_every == 0) and training["step"] < arguments.steps:
            path = save(folder, training)
            if stopping:
                print(f"stopped by SIGTERM at step {training['step']}, saved {path}", flush=True)
                sys.exit(128 + signal.SIGTERM)

    path = save(folder, training)
    # [6] Exit code 0 alone does not tell "finished" from "stopped politely"; the done-file does. It comes last.
    if os.environ.get("RUNCTL_DONE_FILE"):
        write_atomically(Path(os.environ["RUNCTL_DONE_FILE"]), (json.dumps({"step": training["step"]}) + "\n").encode())
    written = generate(model, encoded[:1], 200, torch.Generator().manual_seed(arguments.seed))
    print(f"finished at step {training['step']}, saved {path}; a sample:")
    print(text[0] + "".join(alphabet[character] for character in written))


if __name__ == "__main__":
    main()
