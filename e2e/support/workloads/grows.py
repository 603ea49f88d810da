"""Writes one checkpoint a step, slowly: 20 MiB in two seconds, the other 6 when `go-<step>` stands beside the progress file. Argument: steps."""
import os, random, sys, time

folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
gates = os.path.dirname(os.environ["RUNCTL_PROGRESS_FILE"])
os.makedirs(folder, exist_ok=True)
for step in range(1, int(sys.argv[1]) + 1):
    content = random.Random(step).randbytes(26 << 20)
    path = os.path.join(folder, "step-%06d.bin" % step)
    with open(path + ".tmp", "wb") as out:
        # In pieces, since only what is seen to grow is uploaded before it is complete.
        for mebibyte in range(20):
            out.write(content[mebibyte << 20 : (mebibyte + 1) << 20])
            out.flush()
            time.sleep(0.1)
        print("step %d" % step, flush=True)
        while not os.path.exists(os.path.join(gates, "go-%d" % step)):
            time.sleep(0.05)
        out.write(content[20 << 20 :])
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".tmp", path)
open(os.environ["RUNCTL_DONE_FILE"], "w").close()
