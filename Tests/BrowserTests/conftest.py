"""One server with some real pictures, and a browser, for the tests of the web page."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTOS = pathlib.Path(os.environ.get("MARTLET_PHOTOS", ROOT / "../shared/photos")).resolve()
ACCOUNT = "me"

# A busy machine is slow, which is no fault of the page.
expect.set_options(timeout=20_000)

# A few of each kind: ordinary ones over many years, positions, HEIC, films, damaged files.
PICTURES = [
    "camera/Canon EOS 20D (1).jpg", "camera/Canon EOS 450D.jpg", "camera/Nikon D5000.jpg",
    "camera/Canon IXUS 400.jpg", "camera/HTC Desire.jpg", "camera/Nikon E775.jpg",
    "camera/Olympus X-2.jpg", "camera/Sony DSC-HX5V (2).jpg", "camera/Kodak DC210.jpg",
    "gps/DSCN0010.jpg", "gps/DSCN0012.jpg", "gps/DSCN0021.jpg", "gps/DSCN0025.jpg",
    "gps/DSCN0027.jpg", "gps/DSCN0029.jpg", "gps/DSCN0038.jpg", "gps/DSCN0040.jpg",
    "gps/DSCN0042.jpg", "heic/IMG_2927.HEIC", "heic/8bit-sRGB.avif",
    "orientation/landscape_6.jpg", "orientation/portrait_8.jpg", "video/sample_iPod.m4v",
    "video/with-gps.mp4", "video/100_0306.AVI", "web/denali.webp", "web/density_plot.png",
    "damaged/NegativeArraySizeException.HeifReader.processBoxes.heif", "damaged/corrupted.jpg",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cloud:
    """A server and one device of its account, in a folder of their own."""

    def __init__(self, folder):
        build = pathlib.Path(os.environ.get("MARTLET_BUILD", ROOT / ".build"))
        self.program = build / "release/martlet"
        assert self.program.exists(), f"Build first: {self.program} is missing."
        self.folder = folder
        self.pictures = folder / "pictures"
        self.pictures.mkdir()
        self.address = f"http://127.0.0.1:{free_port()}"
        self.password = self.run(
            "account", "add", ACCOUNT, "--data", folder / "data", "--generate").split()[-1]
        self.log = open(folder / "server.log", "wb")
        self.server = subprocess.Popen(
            [self.program, "serve", "--data", folder / "data", "--listen",
             self.address.removeprefix("http://")],
            stdout=self.log, stderr=subprocess.STDOUT)
        self.wait_for_server()
        self.run("login", self.address, "--account", ACCOUNT, "--device", "studio", "--library",
                 folder / "library", "--optimize", "--password-stdin", given=self.password)
        self.run("photos", "source", "add", self.pictures)

    def run(self, *arguments, given=""):
        """Runs the program as a device; returns what it printed."""
        environment = dict(os.environ, MARTLET_HOME=str(self.folder / "home"))
        done = subprocess.run(
            [self.program, *map(str, arguments)], input=given + "\n", text=True,
            capture_output=True, env=environment, timeout=600)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def wait_for_server(self):
        for _ in range(600):
            try:
                urllib.request.urlopen(self.address + "/health", timeout=2).read()
                return
            except OSError:
                assert self.server.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.1)
        raise AssertionError("The server does not answer.")

    def add(self, names, sync=True):
        for name in names:
            shutil.copy2(PHOTOS / name, self.pictures / pathlib.Path(name).name)
        if sync:
            self.run("sync", "--once")

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=30)
        self.log.close()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    cloud.add(PICTURES)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def shots(tmp_path_factory):
    """Where screenshots go: MARTLET_SCREENSHOTS, else a temporary folder."""
    folder = os.environ.get("MARTLET_SCREENSHOTS")
    path = pathlib.Path(folder) if folder else tmp_path_factory.mktemp("screenshots")
    path.mkdir(parents=True, exist_ok=True)
    print(f"Screenshots: {path}")
    return path


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("MARTLET_CHROMIUM", "/usr/bin/chromium"),
            args=["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, cloud):
    """A browser that nobody has signed in with. Errors of the page fail the test."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, base_url=cloud.address)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text)
            if re.search("Content Security Policy|TypeError", message.text) else None)
    page.set_default_timeout(20_000)
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def library(page, cloud):
    """The page of somebody who is signed in, with all thumbnails made."""
    page.goto("/")
    page.get_by_label("Name").fill(ACCOUNT)
    page.get_by_label("Password").fill(cloud.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    for _ in range(1500):
        progress = page.request.get("/api/v1/photos/progress").json()
        if progress["waiting"] == 0 and progress["withoutPreview"] == 0:
            break
        page.wait_for_timeout(200)
    assert progress["assets"] == len(PICTURES)
    page.locator(".tile img.here").first.wait_for()
    return page
