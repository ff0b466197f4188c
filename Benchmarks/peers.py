"""The programs that are measured, each behind the same three steps: prepare, run, clean up."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as xml


def version(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return command[0]


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return f"{os.cpu_count()} cores ({model}), {gib} GiB, Linux {platform.release()}"


def notes(name):
    """What people have to say of the figures, kept beside these scripts."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        return file.read().strip()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} did not listen within {seconds} s")


def stop(process):
    if process and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Rsync:
    name = "rsync -a --checksum --fsync"

    def first_sync(self, source, folder):
        target = os.path.join(folder, "rsync")
        started = time.perf_counter()
        subprocess.run(
            ["rsync", "-a", "--checksum", "--fsync", source + "/", target], check=True)
        seconds = time.perf_counter() - started
        shutil.rmtree(target)
        return seconds


class Martlet:
    name = "Martlet"

    def __init__(self, program):
        self.program = program

    def run(self, *arguments, home=None, stdin=None, check=True):
        environment = dict(os.environ)
        if home:
            environment["MARTLET_HOME"] = home
        return subprocess.run(
            [self.program, *arguments], env=environment, input=stdin, text=True, check=check,
            capture_output=True)

    def start_server(self, folder):
        data = os.path.join(folder, "data")
        self.password = self.run(
            "account", "add", "me", "--data", data, "--generate").stdout.split()[-1]
        self.port = free_port()
        with open(os.path.join(folder, "port"), "w") as file:
            file.write(str(self.port))
        self.serve(folder, data)

    def restart_server(self, folder):
        """On the data of an earlier run, and the port that its devices know."""
        with open(os.path.join(folder, "port")) as file:
            self.port = int(file.read())
        self.serve(folder, os.path.join(folder, "data"))

    def serve(self, folder, data):
        self.log = open(os.path.join(folder, "server.log"), "w")
        self.server = subprocess.Popen(
            [self.program, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log)
        wait_for_port(self.port, self.server)

    def sign_in(self, home, library, *options):
        self.run(
            "login", f"http://127.0.0.1:{self.port}", "--account", "me", "--device",
            os.path.basename(home), "--library", library, "--password-stdin", *options,
            home=home, stdin=self.password + "\n")

    def stop_server(self):
        stop(self.server)
        self.log.close()

    def peak_memory(self):
        """The server's peak resident memory so far, in MiB."""
        with open(f"/proc/{self.server.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) // 1024
        return 0

    def commits(self):
        """Commit requests that the server has answered so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith("martlet_commits_total "):
                    return int(float(line.split()[1]))
        return 0

    def first_sync(self, source, folder):
        base = os.path.join(folder, "martlet")
        os.makedirs(base)
        self.start_server(base)
        try:
            home = os.path.join(base, "home")
            self.sign_in(home, os.path.join(base, "library"), "--optimize")
            self.run("photos", "source", "add", source, home=home)
            started = time.perf_counter()
            self.run("sync", "--once", home=home)
            seconds = time.perf_counter() - started
            self.server_memory = self.peak_memory()
        finally:
            self.stop_server()
        shutil.rmtree(base)
        return seconds

    def second_device_and_idle(self, source, folder, photos):
        """Seconds for each new photo to reach a second device, and for syncs with nothing to do."""
        base = os.path.join(folder, "martlet-two")
        os.makedirs(base)
        self.start_server(base)
        agents = []
        try:
            first, second = os.path.join(base, "first"), os.path.join(base, "second")
            library = os.path.join(base, "library-second")
            self.sign_in(first, os.path.join(base, "library-first"), "--optimize")
            self.sign_in(second, library)
            self.run("photos", "source", "add", source, home=first)
            self.run("sync", "--once", home=first)
            self.run("sync", "--once", home=second)
            idle = []
            for _ in range(5):
                started = time.perf_counter()
                self.run("sync", "--once", home=first)
                idle.append(time.perf_counter() - started)
            for home in (first, second):
                agents.append(subprocess.Popen(
                    [self.program, "sync"], env={**os.environ, "MARTLET_HOME": home},
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL))
            time.sleep(3)
            seconds = [self.appears(source, library, index, data)
                       for index, data in enumerate(photos)]
            return seconds, idle
        finally:
            for agent in agents:
                stop(agent)
            self.stop_server()
            shutil.rmtree(base, ignore_errors=True)

    @staticmethod
    def appears(source, library, index, data):
        name = f"new-{index}.jpg"
        with open(os.path.join(source, name), "wb") as file:
            file.write(data)
        started = time.perf_counter()
        while time.perf_counter() - started < 60:
            for folder, _, names in os.walk(library):
                if name in names and ".martlet" not in folder:
                    return time.perf_counter() - started
            time.sleep(0.002)
        raise RuntimeError("A new photo did not appear on the second device within 60 s.")


class Syncthing:
    name = "Syncthing"

    def first_sync(self, source, folder):
        base = os.path.join(folder, "syncthing")
        target = os.path.join(base, "target")
        os.makedirs(target)
        homes = [os.path.join(base, name) for name in ("a", "b")]
        for home in homes:
            subprocess.run(
                ["syncthing", "generate", "--no-default-folder", f"--home={home}"],
                check=True, capture_output=True)
        ids = [subprocess.run(
            ["syncthing", "--device-id", f"--home={home}"], check=True, capture_output=True,
            text=True).stdout.strip() for home in homes]
        ports = [(free_port(), free_port()) for _ in homes]
        keys = [self.configure(homes[i], ids, ports, i, (source, target)[i]) for i in (0, 1)]
        processes = [self.start(home) for home in homes]
        try:
            wait_for_port(ports[0][0], processes[0], 60)
            wait_for_port(ports[1][0], processes[1], 60)
            count = sum(len(names) for _, _, names in os.walk(source))
            started = time.perf_counter()
            for index in (0, 1):
                self.request(ports[index][0], keys[index], "config/folders/photos", "PATCH",
                             {"paused": False})
            while not self.complete(ports[1][0], keys[1], count):
                if time.perf_counter() - started > 300:
                    raise RuntimeError("Syncthing took more than 300 s.")
                time.sleep(0.05)
            return time.perf_counter() - started
        finally:
            for process in processes:
                stop(process)
            shutil.rmtree(base, ignore_errors=True)
            shutil.rmtree(os.path.join(source, ".stfolder"), ignore_errors=True)

    @staticmethod
    def start(home):
        return subprocess.Popen(
            ["syncthing", "serve", f"--home={home}", "--no-browser", "--no-restart"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "STNOUPGRADE": "1"})

    @staticmethod
    def configure(home, ids, ports, index, path):
        file = os.path.join(home, "config.xml")
        tree = xml.parse(file)
        root = tree.getroot()
        gui = root.find("gui")
        gui.find("address").text = f"127.0.0.1:{ports[index][0]}"
        options = root.find("options")
        for entry in options.findall("listenAddress"):
            options.remove(entry)
        xml.SubElement(options, "listenAddress").text = f"tcp://127.0.0.1:{ports[index][1]}"
        for name in ("globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled",
                     "natEnabled", "crashReportingEnabled"):
            element = options.find(name)
            (element if element is not None else xml.SubElement(options, name)).text = "false"
        for number, identity in enumerate(ids):
            device = next((d for d in root.findall("device") if d.get("id") == identity), None)
            if device is None:
                device = xml.SubElement(root, "device", id=identity, name=f"d{number}")
            for address in device.findall("address"):
                device.remove(address)
            xml.SubElement(device, "address").text = f"tcp://127.0.0.1:{ports[number][1]}"
        shared = xml.SubElement(
            root, "folder", id="photos", label="photos", path=path,
            type="sendonly" if index == 0 else "receiveonly", rescanIntervalS="3600",
            fsWatcherEnabled="false")
        for identity in ids:
            xml.SubElement(shared, "device", id=identity)
        xml.SubElement(shared, "paused").text = "true"
        os.makedirs(os.path.join(path, ".stfolder"), exist_ok=True)
        tree.write(file)
        return gui.find("apikey").text

    @staticmethod
    def request(port, key, path, method="GET", body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/rest/{path}", method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"X-API-Key": key, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def complete(self, port, key, count):
        status = self.request(port, key, "db/status?folder=photos")
        return status["globalFiles"] >= count and status["needTotalItems"] == 0 \
            and status["state"] == "idle"
