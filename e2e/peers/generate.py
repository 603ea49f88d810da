"""Makes small real checkpoints with the real libraries: `generate.py FRAMEWORK FILE.json.gz`.

The file holds the library versions and the files in the order in which their writing ended, so that a test can replay it.
Everything is seeded and runs on the CPU; nothing is downloaded.
"""

import base64
import gzip
import importlib.metadata
import json
import os
import pathlib
import random
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", WANDB_DISABLED="true")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


def tiny_llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    )


def hf_trainer(folder):
    import torch
    from transformers import Trainer, TrainingArguments

    torch.manual_seed(0)
    tokens = torch.randint(0, 32, (8, 4))
    data = [{"input_ids": row, "labels": row} for row in tokens]
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=4, save_steps=2, per_device_train_batch_size=2, report_to=[], use_cpu=True
    )
    Trainer(model=tiny_llama(), args=arguments, train_dataset=data).train()


def safetensors_sharded(folder):
    tiny_llama().save_pretrained(folder / "step-7", max_shard_size="5KB")


def safetensors_single(folder):
    import numpy
    from safetensors.numpy import save_file

    for step in (10, 20):
        save_file({"weight": numpy.arange(600, dtype="float32"), "bias": numpy.ones(3)}, folder / f"model-{step}.safetensors")


def accelerate(folder):
    import torch
    from accelerate import Accelerator
    from accelerate.utils import ProjectConfiguration

    torch.manual_seed(0)
    accelerator = Accelerator(
        cpu=True, project_config=ProjectConfiguration(project_dir=str(folder), automatic_checkpoint_naming=True)
    )
    model = torch.nn.Linear(8, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    for _ in range(2):
        accelerator.backward(model(torch.ones(1, 8)).sum())
        optimizer.step()
        scheduler.step()
        accelerator.save_state()


def lightning_module():
    import lightning
    import torch

    class Tiny(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(8, 2)

        def training_step(self, batch, _):
            return self.layer(batch[0]).sum()

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters())

    return Tiny(), torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(6, 8)), batch_size=1)


def lightning(folder):
    from lightning import Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint

    model, data = lightning_module()
    saving = ModelCheckpoint(dirpath=folder, every_n_train_steps=3, save_top_k=-1, save_last=True)
    Trainer(
        accelerator="cpu", max_epochs=1, logger=False, callbacks=[saving], enable_progress_bar=False, enable_model_summary=False
    ).fit(model, data)


def lightning_sharded(folder):
    from lightning import Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.strategies import ModelParallelStrategy

    model, data = lightning_module()
    model.configure_model = lambda: None
    saving = ModelCheckpoint(dirpath=folder, every_n_train_steps=3, save_top_k=-1)
    strategy = ModelParallelStrategy(data_parallel_size=1, tensor_parallel_size=1, process_group_backend="gloo")
    Trainer(
        accelerator="cpu", devices=1, strategy=strategy, max_epochs=1, logger=False, callbacks=[saving],
        enable_progress_bar=False, enable_model_summary=False,
    ).fit(model, data)


def dcp_rank(rank, folder, port):
    import torch
    import torch.distributed as distributed
    import torch.distributed.checkpoint as dcp
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    torch.manual_seed(0)
    weight = distribute_tensor(torch.arange(128.0).reshape(16, 8), mesh, [Shard(0)])
    for step in (5, 10):
        dcp.save({"model": {"weight": weight}, "step": step}, checkpoint_id=f"{folder}/step_{step}")
    distributed.destroy_process_group()


def torch_dcp(folder):
    import socket

    import torch.multiprocessing as multiprocessing

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(dcp_rank, (str(folder), port), nprocs=2)


def torch_save(folder):
    import torch

    torch.manual_seed(0)
    for step in (100, 200):
        torch.save({"model": torch.nn.Linear(16, 8).state_dict(), "step": step}, folder / f"model_{step}.pt")


def keras_model():
    import keras
    import numpy

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model, numpy.ones((8, 4)), numpy.ones((8, 1))


def keras_backup(folder):
    from keras.callbacks import BackupAndRestore

    model, x, y = keras_model()
    saving = BackupAndRestore(str(folder / "backup"), delete_checkpoint=False, double_checkpoint=True)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[saving])


def keras_files(folder):
    from keras.callbacks import ModelCheckpoint

    model, x, y = keras_model()
    saving = [ModelCheckpoint(str(folder / ("model.{epoch:02d}" + end)), save_weights_only="weights" in end) for end in (".keras", ".weights.h5")]
    model.fit(x, y, epochs=2, verbose=0, callbacks=saving)


def xgboost_with(folder, callback, name="model"):
    import numpy
    import xgboost

    random_state = numpy.random.default_rng(0)
    data = xgboost.DMatrix(random_state.normal(size=(60, 4)), label=random_state.normal(size=60))
    xgboost.train({"max_depth": 3, "nthread": 1}, data, num_boost_round=9, callbacks=[callback(str(folder), name=name, interval=4)])


def xgboost(folder):
    from xgboost.callback import TrainingCheckPoint

    xgboost_with(folder, TrainingCheckPoint)


def xgboost_json(folder):
    from xgboost.callback import TrainingCheckPoint

    class AsJson(TrainingCheckPoint):
        default_format = "json"

    xgboost_with(folder, AsJson)


def orbax(folder):
    import numpy
    import orbax.checkpoint as ocp

    with ocp.CheckpointManager(folder) as manager:
        for step in (3, 6):
            state = {"weight": numpy.arange(200.0), "count": numpy.int32(step)}
            manager.save(step, args=ocp.args.StandardSave(state))
            manager.wait_until_finished()


MAKERS = {
    "hf-trainer": (hf_trainer, ["transformers", "accelerate", "torch", "safetensors"]),
    "accelerate": (accelerate, ["accelerate", "torch", "safetensors"]),
    "lightning": (lightning, ["lightning", "torch"]),
    "lightning-sharded": (lightning_sharded, ["lightning", "torch"]),
    "torch-dcp": (torch_dcp, ["torch"]),
    "torch-save": (torch_save, ["torch"]),
    "keras-backup": (keras_backup, ["keras", "jax", "h5py"]),
    "keras-files": (keras_files, ["keras", "jax", "h5py"]),
    "xgboost": (xgboost, ["xgboost-cpu"]),
    "xgboost-json": (xgboost_json, ["xgboost-cpu"]),
    "safetensors": (safetensors_single, ["safetensors"]),
    "safetensors-sharded": (safetensors_sharded, ["transformers", "safetensors"]),
    "orbax": (orbax, ["orbax-checkpoint", "jax"]),
}


def main():
    name, target = sys.argv[1:]
    make, packages = MAKERS[name]
    random.seed(0)
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made) / "checkpoints"
        folder.mkdir()
        make(folder)
        paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
        files = []
        for path in paths:
            file = {"path": path.relative_to(folder).as_posix(), "mtimeNs": str(path.lstat().st_mtime_ns)}
            if path.is_symlink():
                file["link"] = os.readlink(path)
            else:
                file["base64"] = base64.b64encode(path.read_bytes()).decode()
            files.append(file)
    made_with = {package: importlib.metadata.version(package) for package in packages}
    content = json.dumps({"madeWith": made_with, "files": files}, indent=0).encode()
    pathlib.Path(target).write_bytes(gzip.compress(content, mtime=0))
    for file in files:
        print(file["mtimeNs"], file["path"], file.get("link") or len(file["base64"]) * 3 // 4)


if __name__ == "__main__":
    main()
