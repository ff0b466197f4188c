"""First syncs beside rsync and Syncthing, the way of a new photo, and a sync with nothing to do.

The peers take turns in each round, on a file system made for the run where root allows it: after
thousands of deletions an old file system creates files slowly, which would blur the figures.
"""

import argparse
import datetime
import os
import random
import shutil
import statistics
import subprocess
import tempfile

import large_library
from peers import Martlet, Rsync, Syncthing, machine, notes, version


def make_files(folder, count, byte_count, seed):
    """Random bytes behind a JPEG's first bytes: nothing can compress or skip them."""
    chance = random.Random(seed)
    os.makedirs(folder)
    for index in range(count):
        with open(os.path.join(folder, f"IMG_{index:05}.jpg"), "wb") as file:
            file.write(b"\xff\xd8\xff\xe0" + chance.randbytes(byte_count - 4))


class Disk:
    """An ext4 of its own in a file, mounted for the run; a plain folder without root."""

    def __init__(self, gib):
        self.base = tempfile.mkdtemp(prefix="martlet-bench-")
        self.folder = os.path.join(self.base, "disk")
        os.makedirs(self.folder)
        self.mounted = False
        image = os.path.join(self.base, "image")
        try:
            with open(image, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, gib << 30)
            subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
            subprocess.run(["mount", "-o", "loop", image, self.folder], check=True,
                           capture_output=True)
            self.mounted = True
        except (OSError, subprocess.CalledProcessError):
            if os.path.exists(image):
                os.remove(image)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=False)
        shutil.rmtree(self.base, ignore_errors=True)


def rate(byte_count, seconds):
    return f"{seconds:.2f} s, {byte_count / seconds / 1e6:.0f} MB/s"


def first_syncs(title, count, byte_count, peers, disk, rounds):
    source = os.path.join(disk.folder, "source")
    make_files(source, count, byte_count, seed=count)
    subprocess.run(["sync"], check=True)
    times = {peer.name: [] for peer in peers}
    for number in range(rounds):
        for peer in peers[number % len(peers):] + peers[:number % len(peers)]:
            subprocess.run(["sync"], check=True)
            times[peer.name].append(peer.first_sync(source, disk.folder))
            print(f"{title}: {peer.name}: {rate(count * byte_count, times[peer.name][-1])}",
                  flush=True)
    shutil.rmtree(source)
    ours = statistics.median(times["Martlet"])
    return [(title, peer.name, rate(count * byte_count, statistics.median(times[peer.name])),
             f"{statistics.median(times[peer.name]) / ours:.2f}") for peer in peers]


def other_figures(martlet, disk, count):
    source = os.path.join(disk.folder, "photos")
    make_files(source, count, 60_000, seed=7)
    chance = random.Random(8)
    photos = [b"\xff\xd8\xff\xe0" + chance.randbytes(2_000_000) for _ in range(11)]
    seconds, idle = martlet.second_device_and_idle(source, disk.folder, photos)
    milliseconds = [1000 * value for value in seconds]
    print(f"new photo: {[round(value) for value in milliseconds]} ms", flush=True)
    return [
        ("a new photo of 2 MB on one device appears on another (median; worst)",
         f"{statistics.median(milliseconds):.0f} ms; {max(milliseconds):.0f} ms"),
        (f"`sync --once`, nothing changed, {count} files (median)",
         f"{1000 * statistics.median(idle):.0f} ms"),
    ]


def document(path, rows, others, memory, options, disk):
    lines = [
        "# Benchmarks", "",
        "Written by `script/bench`; peers alternate in one run, medians of "
        f"{options.rounds} rounds, each from an empty target.", "",
        f"- Date: {datetime.date.today().isoformat()}", f"- Machine: {machine()}",
        f"- File system: {'ext4 made for the run' if disk.mounted else 'the machine’s own'}",
        f"- {version('rsync', '--version')}", f"- {version('syncthing', '--version')}", "",
        "| first sync | program | median | time against Martlet’s |", "| --- | --- | --- | --- |",
    ]
    lines += [f"| {a} | {b} | {c} | {d} |" for a, b, c, d in rows]
    lines += ["", "| also | |", "| --- | --- |"]
    lines += [f"| {a} | {b} |" for a, b in others + [("the server’s peak memory", memory)]]
    lines += ["", notes("notes.md")]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--martlet", required=True)
    parser.add_argument("--document", required=True)
    parser.add_argument("--small", type=int, default=3000)
    parser.add_argument("--large", type=int, default=40)
    parser.add_argument("--library", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kept", help="where the large library is, or is to stay")
    options = parser.parse_args()
    martlet = Martlet(options.martlet)
    peers = [martlet, Rsync(), Syncthing()]
    disk = Disk(gib=16)
    try:
        rows = first_syncs(f"{options.small} files of 60 kB", options.small, 60_000, peers, disk,
                           options.rounds)
        memory = martlet.server_memory
        rows += first_syncs(f"{options.large} files of 25 MB", options.large, 25_000_000, peers,
                            disk, options.rounds)
        memory = f"{max(memory, martlet.server_memory)} MiB"
        others = other_figures(martlet, disk, 1000)
        others += large_library.measure(
            martlet, options.kept or os.path.join(disk.folder, "large"), options.library)
        document(options.document, rows, others, memory, options, disk)
        print(open(options.document).read())
    finally:
        disk.close()


if __name__ == "__main__":
    main()
