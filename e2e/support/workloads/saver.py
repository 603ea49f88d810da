"""Saves often, and says so in a file that no kill reaches. Arguments: seconds a step, MiB, steps between saves, seconds to
save after SIGTERM, how (`numbered`: a file a step, the newest kept; `in-place`: one file replaced; `folder`: three files a step),
path of the announcements: one JSON line with the time for each save that begins (with the hashes of what is to be written),
is finished, has failed, or is resumed from. Goes on until `<path>.end` exists."""
import hashlib, json, os, random, shutil, signal, sys, time

pause, size, every, slow = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
how, announcements = sys.argv[5], sys.argv[6]
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
stop = False


def on_term(*_):
    global stop
    stop = True


def announce(kind, step, **more):
    line = json.dumps({"kind": kind, "step": step, "attempt": int(os.environ["RUNCTL_ATTEMPT"]), "at": int(time.time() * 1000), **more})
    out = os.open(announcements, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, (line + "\n").encode())
    os.close(out)


def content(step, part=0):
    return b"%08d" % step + random.Random(step * 10 + part).randbytes((size << 20) // (3 if how == "folder" else 1))


def digest(data):
    """As manifests have it: of the content, or of its parts' digests where it has several."""
    part = 8 << 20
    if len(data) <= part:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha256(b"".join(hashlib.sha256(data[at : at + part]).digest() for at in range(0, len(data), part))).hexdigest()


def write(path, data):
    with open(path + ".tmp", "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".tmp", path)


def files_of(step):
    if how == "in-place":
        return {"model.bin": content(step)}
    if how == "numbered":
        return {"step-%06d.bin" % step: content(step)}
    return {"checkpoint-%d/part-%d.bin" % (step, part): content(step, part) for part in range(3)}


def save(step, files):
    os.makedirs(folder, exist_ok=True)
    if how != "folder":
        for path, data in files.items():
            write(os.path.join(folder, path), data)
        return
    # As frameworks do: under another name until all is there.
    name = "checkpoint-%d" % step
    temporary = os.path.join(folder, "tmp-" + name)
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    for path, data in files.items():
        write(os.path.join(temporary, os.path.basename(path)), data)
    shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    os.rename(temporary, os.path.join(folder, name))


def rotate():
    numbered = sorted((entry for entry in os.listdir(folder) if entry.startswith(("step-", "checkpoint-")) and not entry.endswith(".tmp")), key=lambda entry: int(entry.split("-")[1].split(".")[0]))
    # Each stays for some seconds: what is gone sooner cannot be seen to be still on a machine that is kept busy.
    for entry in numbered[:-5]:
        path = os.path.join(folder, entry)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def save_and_tell(step):
    files = files_of(step)
    digests = {path: digest(data) for path, data in files.items()}
    announce("saving", step, files=digests)
    try:
        save(step, files)
    except OSError as error:
        announce("failed", step, error=str(error))
        sys.exit("step %d could not be saved: %s" % (step, error))
    announce("saved", step, files=digests)
    print("saved step %d" % step, flush=True)
    rotate()


def whole(path, step):
    if how == "folder":
        return all(open(os.path.join(path, "part-%d.bin" % part), "rb").read() == content(step, part) for part in range(3))
    return open(path, "rb").read() == content(step)


signal.signal(signal.SIGTERM, on_term)
step = 0
resume = os.environ.get("RUNCTL_RESUME_FROM")
if resume:
    first = os.path.join(resume, "part-0.bin") if how == "folder" else resume
    step = int(open(first, "rb").read(8))
    announce("resumed", step, whole=whole(resume, step))
    print("resumed at step %d" % step, flush=True)
while not stop and not os.path.exists(announcements + ".end"):
    time.sleep(pause)
    step += 1
    print("step %d" % step, flush=True)
    if step % every == 0 and not stop:
        save_and_tell(step)
if stop:
    time.sleep(slow)
    save_and_tell(step)
    sys.exit(143)
save_and_tell(step)
open(os.environ["RUNCTL_DONE_FILE"], "w").close()
