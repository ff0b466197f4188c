#!/usr/bin/python3
"""OpenStack Swift with its S3 interface, for tests: what Debian packages, on loopback.

One server of each kind, one replica, in a folder that goes with it. Prints one line of JSON with the
address, bucket and key, as s3-server.py does, and ends when its input does: with the process that
started it, however that ends. Needs Debian's own Python, which has the package python3-swift, and
memcached: both run from here alone.
"""

import ctypes
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ACCESS_KEY = "test:martlet"
SECRET_KEY = "secret-of-the-tests"
REGION = "us-east-1"
BUCKET = "martlet-tests"
KINDS = ["account", "container", "object"]

PIPELINE = (
    "catch_errors gatekeeper healthcheck cache bulk s3api tempauth copy slo dlo versioned_writes "
    "proxy-server"
)
PROXY = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = %(port)d
workers = 0
user = %(user)s
swift_dir = %(folder)s
log_address = %(folder)s/no-log
log_level = CRITICAL
[pipeline:main]
pipeline = %(pipeline)s
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
log_level = CRITICAL
[filter:s3api]
use = egg:swift#s3api
location = %(region)s
# As its documentation says for parts of more than 8 GB in all: see operations.md.
max_upload_part_num = 10000
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_%(user_key)s = %(secret)s .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:%(memory)d
"""
FILTERS = ["catch_errors", "gatekeeper", "healthcheck", "bulk", "copy", "dlo", "versioned_writes"]
STORE = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = %(port)d
workers = 0
user = %(user)s
swift_dir = %(folder)s
devices = %(folder)s/devices
mount_check = false
disable_fallocate = true
log_address = %(folder)s/no-log
log_level = CRITICAL
[pipeline:main]
pipeline = %(kind)s-server
[app:%(kind)s-server]
use = egg:swift#%(kind)s
log_level = CRITICAL
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def prepare(folder, ports):
    from swift.common.ring import RingBuilder

    os.makedirs(folder + "/devices/one")
    write(folder + "/swift.conf", "[swift-hash]\nswift_hash_path_suffix = martlet\n")
    common = dict(folder=folder, user=getpass.getuser(), region=REGION)
    for kind in KINDS:
        ring = RingBuilder(4, 1, 0)
        ring.add_dev(
            dict(id=0, region=1, zone=1, weight=1, ip="127.0.0.1", port=ports[kind], device="one")
        )
        ring.rebalance()
        ring.get_ring().save("%s/%s.ring.gz" % (folder, kind))
        write(
            "%s/%s.conf" % (folder, kind), STORE % dict(common, kind=kind, port=ports[kind])
        )
    proxy = PROXY % dict(
        common,
        port=ports["proxy"],
        memory=ports["memory"],
        pipeline=PIPELINE,
        user_key=ACCESS_KEY.replace(":", "_"),
        secret=SECRET_KEY,
    )
    for name in FILTERS:
        proxy += "[filter:%s]\nuse = egg:swift#%s\n" % (name, name)
    write(folder + "/proxy.conf", proxy)


RUN = """
import sys
import swift.common.utils
swift.common.utils.SWIFT_CONF_FILE = sys.argv[3]
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[1], sys.argv[2]))
"""


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def start(folder, ports):
    memory = ["memcached", "-l", "127.0.0.1", "-p", str(ports["memory"]), "-U", "0", "-m", "16"]
    commands = [memory + (["-u", "root"] if os.getuid() == 0 else [])]
    for kind in KINDS + ["proxy"]:
        commands.append(
            [sys.executable, "-c", RUN, "%s/%s.conf" % (folder, kind), kind + "-server"]
            + [folder + "/swift.conf"]
        )
    log = open(folder + "/log", "ab")
    return [
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent
        )
        for command in commands
    ]


def wait_for(ports, processes, folder):
    for port in ports.values():
        for _ in range(600):
            if any(process.poll() is not None for process in processes):
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            break
    if any(process.poll() is not None for process in processes):
        with open(folder + "/log", encoding="utf-8", errors="replace") as file:
            sys.exit("Swift does not start: " + file.read()[-4000:])


def make_bucket(port):
    """By Swift's own interface: a bucket is a container."""
    keys = {"X-Auth-User": ACCESS_KEY, "X-Auth-Key": SECRET_KEY}
    server = "http://127.0.0.1:%d" % port
    with urllib.request.urlopen(urllib.request.Request(server + "/auth/v1.0", headers=keys)) as answer:
        account, token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]
    request = urllib.request.Request(
        "%s/%s" % (account, BUCKET), headers={"X-Auth-Token": token}, method="PUT"
    )
    urllib.request.urlopen(request).close()


def main():
    folder = tempfile.mkdtemp(prefix="martlet-swift-")
    processes = []
    try:
        ports = {kind: free_port() for kind in KINDS + ["memory", "proxy"]}
        prepare(folder, ports)
        processes = start(folder, ports)
        wait_for(ports, processes, folder)
        make_bucket(ports["proxy"])
        place = {
            "endpoint": "http://127.0.0.1:%d" % ports["proxy"],
            "bucket": BUCKET,
            "region": REGION,
            "accessKey": ACCESS_KEY,
            "secretKey": SECRET_KEY,
        }
        print(json.dumps(place), flush=True)
        sys.stdin.read()
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
