"""What a large library costs while nothing happens, and when one photo is added to it."""

import os
import random
import statistics
import subprocess
import time

from peers import stop


def small_picture(folder):
    """A JPEG of 64 x 48 pixels, without its first two bytes."""
    path = os.path.join(folder, "small.jpg")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1", path],
        check=True)
    with open(path, "rb") as file:
        data = file.read()
    os.remove(path)
    return data[2:]


def make_library(folder, count):
    """Small pictures, each with a comment of its own, a thousand a folder, as months have them."""
    chance = random.Random(count)
    picture = small_picture(os.path.dirname(folder))
    for index in range(count):
        month = os.path.join(folder, f"{2000 + index // 12_000}", f"{index // 1000 % 12 + 1:02}")
        if index % 1000 == 0:
            os.makedirs(month, exist_ok=True)
        with open(os.path.join(month, f"IMG_{index:06}.jpg"), "wb") as file:
            comment = chance.randbytes(200)
            file.write(
                b"\xff\xd8\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + picture)


def memory(process):
    """Peak resident memory so far, in MiB."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def first_sync(martlet, base, home, library, count):
    """Row of (what, figure)."""
    os.makedirs(base)
    martlet.start_server(base)
    martlet.sign_in(home, library)
    make_library(library, count)
    started = time.perf_counter()
    martlet.run("sync", "--once", home=home)
    first = time.perf_counter() - started
    print(f"{count} files, first sync: {first:.1f} s", flush=True)
    # The server's facts and pictures are news to the device, and drawing them takes both cores:
    # they are waited for.
    martlet.run("photos", "wait", "--rendered", "--previews", home=home)
    return (f"first sync of {count} small pictures", f"{first:.0f} s")


def measure(martlet, base, count):
    """Rows of (what, figure); a library that an earlier run kept in `base` is taken as it is."""
    home, library = os.path.join(base, "home"), os.path.join(base, "library")
    agent, rows = None, []
    try:
        if os.path.exists(base):
            martlet.restart_server(base)
        else:
            rows.append(first_sync(martlet, base, home, library, count))
        martlet.run("sync", "--once", home=home)
        idle = []
        for _ in range(5):
            started = time.perf_counter()
            martlet.run("sync", "--once", home=home)
            idle.append(time.perf_counter() - started)
        print(f"nothing changed: {[round(value, 2) for value in idle]} s", flush=True)
        environment = {**os.environ, "MARTLET_HOME": home}
        agent = subprocess.Popen(
            [martlet.program, "sync"], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_quiet(martlet, home)
        sent = [until_sent(martlet, library, index) for index in range(11)]
        print(f"one more photo: {[round(1000 * value) for value in sent]} ms", flush=True)
        listed = []
        for _ in range(3):
            started = time.perf_counter()
            martlet.run("photos", "list", "--json", home=home)
            listed.append(time.perf_counter() - started)
        examined = []
        for _ in range(3):
            started = time.perf_counter()
            martlet.run("doctor", home=home)
            examined.append(time.perf_counter() - started)
        return rows + [
            (f"`sync --once`, nothing changed, {count} files in the library (median)",
             f"{statistics.median(idle):.2f} s"),
            (f"a new photo among {count} is found, sent and acknowledged (median; worst)",
             f"{1000 * statistics.median(sent):.0f} ms; {1000 * max(sent):.0f} ms"),
            (f"`photos list --json`, {count} items (median)",
             f"{statistics.median(listed):.1f} s"),
            (f"`doctor`, {count} items, beside the agent (median)",
             f"{statistics.median(examined):.1f} s"),
            (f"the agent’s peak memory, {count} items", f"{memory(agent)} MiB"),
            (f"the server’s peak memory, {count} items",
             f"{martlet.peak_memory()} MiB"),
        ]
    finally:
        stop(agent)
        martlet.stop_server()


def until_quiet(martlet, home):
    for _ in range(600):
        status = martlet.run("status", "--json", home=home, check=False).stdout
        if '"state":"upToDate"' in status.replace(" ", ""):
            return
        time.sleep(0.2)
    raise RuntimeError("The device is not up to date within two minutes.")


def until_sent(martlet, library, index):
    """Seconds from a file's last byte until the server has it and its record."""
    time.sleep(0.5)
    before = martlet.commits()
    path = os.path.join(library, f"new-{index}-{time.time_ns()}.jpg")
    with open(path, "wb") as file:
        file.write(b"\xff\xd8\xff\xe0" + os.urandom(200_000))
    started = time.perf_counter()
    while time.perf_counter() - started < 60:
        if martlet.commits() > before:
            return time.perf_counter() - started
        time.sleep(0.002)
    raise RuntimeError("A new photo did not reach the server within 60 s.")
