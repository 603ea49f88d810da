"""Saves where its author always saved: the checkpoint folder stays empty, and the model is gone with the machine."""
import os, time

os.makedirs("out", exist_ok=True)
for step in range(1, 60):
    time.sleep(0.1)
    print("step %d loss %.3f" % (step, 1 / step), flush=True)
    if step % 20 == 0:
        with open("out/model.pt", "wb") as file:
            file.write(bytes(100_000))
