"""Many devices at one server, or at two: first syncs, then a steady mix.

The same requests run against SQLite and a directory, PostgreSQL and an S3 store with one server, and
with two. The devices are threads of this process, which shares the machine's cores with the servers:
figures compare engines on one machine, and say nothing of what a server alone could do.
"""

import argparse
import datetime
import hashlib
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from peers import free_port, machine, notes, stop, version, wait_for_port

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEVICES_PER_ACCOUNT = 5
PHOTOS_ALONE = 200
PACK_BLOBS = 20


class Figures:
    """What requests of each kind took."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seconds = {}
        self.bytes = 0
        self.failures = {}

    def add(self, kind, seconds, byte_count):
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)
            self.bytes += byte_count

    def fail(self, kind, status):
        with self.lock:
            self.failures[f"{kind} {status}"] = self.failures.get(f"{kind} {status}", 0) + 1


class Device:
    """Speaks the wire as a device does, one request at a time."""

    def __init__(self, number, account, password, ports, byte_count):
        self.chance = random.Random(number)
        self.account, self.password = account, password
        self.id = uuid.UUID(int=self.chance.getrandbits(128)).hex
        self.port = ports[number % len(ports)]
        # Each at an address of its own, as devices are: sign-ins are limited by address.
        self.address = f"127.1.{number // 250}.{number % 250 + 1}"
        self.byte_count = byte_count
        self.connection = None
        self.token = None
        self.after = None
        self.digests = []

    def ask(self, figures, kind, method, path, body=None, content="application/json"):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        if body is not None:
            headers["Content-Type"] = content
        started = time.perf_counter()
        for attempt in range(3):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(
                        "127.0.0.1", self.port, timeout=120, source_address=(self.address, 0))
                self.connection.request(method, "/api/v1" + path, body, headers)
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (OSError, http.client.HTTPException):
                # A connection that was idle too long; requests can be repeated.
                self.connection = None
                if attempt == 2:
                    raise
        if answer.status >= 300:
            figures.fail(kind, answer.status)
            if answer.status in (429, 503):
                time.sleep(float(answer.getheader("Retry-After") or 1))
            return None
        figures.add(kind, time.perf_counter() - started, len(data) + len(body or b""))
        return data

    def sign_in(self, figures):
        while self.token is None:
            data = self.ask(figures, "sign-in", "PUT", f"/sessions/{self.id}", {
                "account": self.account, "password": self.password, "deviceName": "load"})
            if data is None:
                continue
            reply = json.loads(data)
            self.token = reply["token"]
            self.zone = next(z["id"] for z in reply["zones"] if z["kind"] == "photos")

    def send(self, figures, count):
        """So many new photos: asked for, packed, committed."""
        blobs = [b"\xff\xd8\xff\xe0" + self.chance.randbytes(self.byte_count - 4)
                 for _ in range(count)]
        digests = [hashlib.sha256(blob).hexdigest() for blob in blobs]
        self.ask(figures, "have", "POST", "/blobs/have", {"digests": digests})
        pack = b"MPK1" + b"".join(
            bytes.fromhex(digest) + len(blob).to_bytes(4) + blob
            for digest, blob in zip(digests, blobs)) + bytes(32) + count.to_bytes(4)
        self.ask(figures, "pack", "POST", "/blobs/pack", pack, "application/vnd.martlet.pack")
        now = int(time.time() * 1000)
        data = self.ask(figures, "commit", "POST", f"/zones/{self.zone}/commits", {"groups": [
            {"id": self.new_id(), "changes": [{
                "key": {"type": "asset", "id": self.new_id()},
                "set": {"name": f"{digest[:8]}.jpg", "importedAt": now},
                "setBlobs": {"original": {
                    "digest": digest, "byteCount": len(blob), "mediaType": "image/jpeg"}},
            }]} for digest, blob in zip(digests, blobs)]})
        if data is not None:
            for result in json.loads(data)["results"]:
                if result.get("error"):
                    figures.fail("group", result["error"].get("code"))
            self.digests += digests

    def new_id(self):
        return f"{self.chance.getrandbits(128):032x}"

    def read_feed(self, figures):
        more = True
        while more:
            query = f"?after={self.after}" if self.after else ""
            data = self.ask(figures, "feed", "GET", f"/zones/{self.zone}/changes{query}")
            if data is None:
                return
            page = json.loads(data)
            self.after, more = page["token"], page["more"]

    def first_sync(self, figures, count):
        for first in range(0, count, PACK_BLOBS):
            self.send(figures, min(PACK_BLOBS, count - first))
        self.read_feed(figures)

    def send_one_by_one(self, figures):
        for _ in range(PHOTOS_ALONE):
            self.send(figures, 1)

    def live(self, figures, until):
        """One photo of four actions, mostly reading, with a pause between two."""
        while time.monotonic() < until:
            action = self.chance.random()
            if action < 0.25 or not self.digests:
                self.send(figures, 1)
            elif action < 0.6:
                self.read_feed(figures)
            elif action < 0.95:
                self.ask(figures, "blob", "GET", f"/blobs/{self.chance.choice(self.digests)}")
            else:
                self.ask(figures, "receipt", "POST", "/blobs/receipts",
                         {"digests": self.chance.sample(self.digests, 1)})
            time.sleep(self.chance.uniform(0, 0.2))


class Postgres:
    """A cluster of the run's own, synced to the disk as a real one is."""

    def __init__(self, folder):
        versions = sorted(map(int, os.listdir("/usr/lib/postgresql")))
        self.programs = f"/usr/lib/postgresql/{versions[-1]}/bin"
        self.folder, self.port = folder, free_port()
        os.makedirs(folder)
        self.as_user = []
        if os.getuid() == 0:
            subprocess.run(["chown", "postgres", folder], check=True)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        self.run("initdb", "-D", folder + "/data", "-U", "martlet", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8")
        self.process = subprocess.Popen(
            self.as_user + [
                self.programs + "/postgres", "-D", folder + "/data", "-p", str(self.port), "-c",
                "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c",
                "max_connections=100"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if subprocess.run([self.programs + "/pg_isready", "-h", "127.0.0.1", "-p",
                               str(self.port)], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "martlet", "home")

    def run(self, program, *arguments):
        return subprocess.run(
            self.as_user + [f"{self.programs}/{program}", *arguments], check=True,
            capture_output=True, cwd=self.folder, text=True).stdout

    @property
    def address(self):
        return f"postgres://martlet@127.0.0.1:{self.port}/home"

    def sizes(self):
        """A line for each table: its rows, and what one takes with its part of the indexes."""
        self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "martlet", "-d", "home",
                 "-c", "ANALYZE")
        query = """
            SELECT relname, reltuples::bigint, pg_table_size(oid) / reltuples::bigint,
                pg_indexes_size(oid) / reltuples::bigint
            FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                AND reltuples >= 100 ORDER BY pg_total_relation_size(oid) DESC"""
        found = self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "martlet", "-d",
                         "home", "-At", "-F", " | ", "-c", query)
        return ["table | rows | bytes of a row | and of its indexes", *found.splitlines()]

    def close(self):
        stop(self.process)


class Store:
    """moto: an S3 store in memory, good for comparing engines, not for measuring stores."""

    def __init__(self):
        build = os.environ.get("MARTLET_BUILD", os.path.join(ROOT, ".build"))
        self.process = subprocess.Popen(
            [build + "/python/bin/python", os.path.join(ROOT, "Tests", "s3-server.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        place = json.loads(self.process.stdout.readline())
        self.place = f"s3://{place['bucket']}/load"
        self.environment = {
            "AWS_ACCESS_KEY_ID": place["accessKey"], "AWS_SECRET_ACCESS_KEY": place["secretKey"],
            "AWS_REGION": place["region"], "AWS_ENDPOINT_URL_S3": place["endpoint"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Servers:
    def __init__(self, program, folder, count, postgres, store):
        self.program = program
        self.place = ["--data", folder + "/data"]
        self.environment = dict(os.environ)
        if postgres:
            self.place += ["--database", postgres.address]
        self.blobs = []
        if store:
            self.environment.update(store.environment)
            self.blobs = ["--blobs", store.place]
        self.log = open(folder + "/server.log", "w")
        self.accounts = []
        self.ports = [free_port() for _ in range(count)]
        self.processes = []
        for port in self.ports:
            process = subprocess.Popen(
                [program, "serve", "--listen", f"127.0.0.1:{port}", *self.place, *self.blobs],
                env=self.environment, stdout=self.log, stderr=self.log)
            self.processes.append(process)
            wait_for_port(port, process, 60)

    def add_account(self, number):
        made = subprocess.run(
            [self.program, "account", "add", f"load{number}", "--generate", *self.place,
             *self.blobs],
            env=self.environment, check=True, capture_output=True, text=True)
        self.accounts.append((f"load{number}", made.stdout.split()[-1]))

    def memory(self):
        """Peak resident memory of all together, in MiB."""
        total = 0
        for process in self.processes:
            with open(f"/proc/{process.pid}/status") as status:
                total += next(int(line.split()[1]) // 1024 for line in status
                              if line.startswith("VmHWM"))
        return total

    def close(self):
        for process in self.processes:
            stop(process)
        self.log.close()


def at_once(devices, work):
    """Runs `work` for each device in a thread of its own; returns how long all took."""
    errors = []

    def run(device):
        try:
            work(device)
        except Exception as error:  # noqa: BLE001: the run ends with it below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(device,)) for device in devices]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return time.perf_counter() - started


def milliseconds(values, share):
    values = sorted(values)
    return 1000 * values[min(len(values) - 1, int(len(values) * share))]


def rows(name, phase, figures, seconds, memory):
    """A table's rows: the whole phase, then each kind of request."""
    count = sum(len(values) for values in figures.seconds.values())
    yield (name, phase, "all", count, f"{count / seconds:.0f}",
           f"{figures.bytes / seconds / 1e6:.1f}", "", "", f"{memory}")
    for kind, values in sorted(figures.seconds.items()):
        yield (name, "", kind, len(values), f"{len(values) / seconds:.1f}", "",
               f"{milliseconds(values, 0.5):.1f}", f"{milliseconds(values, 0.99):.1f}", "")


def measure(name, program, count, grown, options):
    print(f"== {name}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="martlet-load-") as folder:
        os.chmod(folder, 0o755)
        postgres = Postgres(folder + "/postgres") if grown else None
        store = Store() if grown else None
        servers = None
        try:
            servers = Servers(program, folder, count, postgres, store)
            for number in range(-(-options.devices // DEVICES_PER_ACCOUNT)):
                servers.add_account(number)
            devices = [
                Device(number, *servers.accounts[number // DEVICES_PER_ACCOUNT], servers.ports,
                       options.bytes)
                for number in range(options.devices)]
            signing, alone, first, steady = Figures(), Figures(), Figures(), Figures()
            # Passwords are slow on purpose: they have a phase of their own.
            seconds = at_once(devices, lambda device: device.sign_in(signing))
            table = list(rows(name, "sign-ins", signing, seconds, servers.memory()))
            # What a request takes when nothing else is asked for.
            seconds = at_once(devices[:1], lambda device: device.send_one_by_one(alone))
            table += rows(name, "one device alone", alone, seconds, servers.memory())
            seconds = at_once(devices, lambda device: device.first_sync(first, options.photos))
            table += rows(name, "first syncs", first, seconds, servers.memory())
            until = time.monotonic() + options.seconds
            seconds = at_once(devices, lambda device: device.live(steady, until))
            table += rows(name, "steady mix", steady, seconds, servers.memory())
            if postgres and options.sizes:
                print("\n".join(postgres.sizes()), flush=True)
            for figures in (signing, alone, first, steady):
                for what, number in sorted(figures.failures.items()):
                    print(f"{name}: {number} times {what}", file=sys.stderr)
            return table
        finally:
            for part in (servers, postgres, store):
                if part:
                    part.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--martlet", required=True)
    parser.add_argument("--document", help="write the table here, too")
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--photos", type=int, default=40, help="of each device's first sync")
    parser.add_argument("--bytes", type=int, default=200_000, help="of each photo")
    parser.add_argument("--seconds", type=int, default=60, help="of the steady mix")
    parser.add_argument("--only", type=int, choices=(0, 1, 2), help="one of the three engines")
    parser.add_argument("--sizes", action="store_true",
                        help="say what rows of PostgreSQL's tables take")
    options = parser.parse_args()
    engines = [("SQLite, directory", 1, False), ("PostgreSQL, S3, one server", 1, True),
               ("PostgreSQL, S3, two servers", 2, True)]
    table = []
    for number, (name, count, grown) in enumerate(engines):
        if options.only in (None, number):
            table += measure(name, options.martlet, count, grown, options)
    head = ("engine", "phase", "request", "count", "per s", "MB/s", "p50 ms", "p99 ms", "MiB")
    lines = ["| " + " | ".join(map(str, line)) + " |"
             for line in [head, tuple("---" for _ in head), *table]]
    text = (
        "# Load\n\n"
        f"`script/bench --load`: {options.devices} devices of "
        f"{-(-options.devices // DEVICES_PER_ACCOUNT)} accounts send {options.photos} photos of "
        f"{options.bytes:,} bytes each at once, then do a steady mix for {options.seconds} s "
        "(photos, feeds, blobs, receipts). The devices are threads of one process on the same "
        f"{os.cpu_count()} cores as the servers, PostgreSQL and the S3 store (moto, in memory). "
        "MiB: the servers' peak memory together.\n\n"
        f"- Date: {datetime.date.today().isoformat()}\n- Machine: {machine()}\n"
        f"- {version('psql', '--version')}\n\n" + "\n".join(lines)
        + "\n\n" + notes("load-notes.md") + "\n")
    print(text)
    if options.document:
        with open(options.document, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
