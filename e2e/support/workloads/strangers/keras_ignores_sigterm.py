"""Draws Keras' bar, saves after each epoch, and hears nothing of SIGTERM, as a C loop would not."""
import os, signal, sys, time, zipfile

folder = os.environ.get("RUNCTL_CHECKPOINT_DIR") or "backup"
os.makedirs(folder, exist_ok=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
resume = os.environ.get("RUNCTL_RESUME_FROM")
rounds = 0
epoch = int(os.path.basename(resume).split("_")[1].split(".")[0]) if resume else 0
while epoch < 8:
    print("Epoch %d/8" % (epoch + 1), flush=True)
    for batch in range(1, 21):
        time.sleep(0.15)
        rounds = epoch * 20 + batch
        sys.stdout.write("\r\x1b[1m%2d/20\x1b[0m \x1b[32m━━━━\x1b[0m \x1b[1m2s\x1b[0m 150ms/step - accuracy: 0.8123 - loss: 0.6120" % batch)
        sys.stdout.flush()
    epoch += 1
    part = os.path.join(folder, ".part")
    with zipfile.ZipFile(part, "w") as file:
        file.writestr("config.json", "{}")
        file.writestr("metadata.json", "{}")
        file.writestr("model.weights.h5", "x" * 1000)
    os.replace(part, os.path.join(folder, "model_%02d.keras" % epoch))
    print(flush=True)
