"""The page at /account: what a member sees of the storage and the devices, and what it can ask for."""

import re

import pytest
from playwright.sync_api import expect

from conftest import ACCOUNT


@pytest.fixture(scope="module")
def plans(cloud):
    """A quota that is shared, and sizes to ask for."""
    data = ("--data", cloud.folder / "data")
    cloud.run("plan", "set", "Small", "50GB", *data)
    cloud.run("plan", "set", "Large", "500GB", *data)
    cloud.run("account", "quota", ACCOUNT, "20GB", *data)
    cloud.run("account", "add", "bert", "--generate", *data)
    cloud.run("account", "pool", "bert", "--with", ACCOUNT, *data)


@pytest.fixture
def account(page, cloud, plans):
    page.goto("/account")
    page.get_by_label("Name").fill(ACCOUNT)
    page.get_by_label("Password").fill(cloud.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Storage").wait_for()
    return page


def test_it_says_how_full_the_account_is_and_who_shares_it(account):
    expect(account).to_have_title("Account · Martlet")
    storage = account.get_by_role("region", name="Storage")
    expect(storage).to_contain_text(re.compile(r"of 20 GB used, 20 GB left|of 20 GB used, 1\d GB"))
    meter = storage.get_by_role("meter", name="Storage used")
    assert 0 <= int(meter.get_attribute("aria-valuenow")) <= 5
    expect(storage.get_by_role("row", name=re.compile(ACCOUNT))).to_be_visible()
    expect(storage.get_by_role("row", name=re.compile("bert"))).to_contain_text("0 bytes")
    expect(storage).to_contain_text(re.compile(r"\d days? measured"))
    expect(storage).to_contain_text("The server's disk has")


def test_a_plan_is_asked_for_with_the_keys_taken_back_and_granted(account, cloud):
    storage = account.get_by_role("region", name="Storage")
    ask = storage.get_by_role("button", name="Ask for the plan Large, 500 GB")
    ask.focus()
    account.keyboard.press("Enter")
    expect(storage).to_contain_text("You asked for the plan Large")
    expect(account.locator("#announcer")).to_have_text("Asked for Large.")
    # The button is gone; the keys go on from the section's beginning.
    expect(storage.get_by_role("heading", name="Storage")).to_be_focused()
    assert "me asks for Large" in cloud.run("plan", "list", "--data", cloud.folder / "data")

    storage.get_by_role("button", name="Take it back").click()
    expect(storage.get_by_text("You asked for")).to_have_count(0)
    assert "asks for" not in cloud.run("plan", "list", "--data", cloud.folder / "data")

    storage.get_by_role("button", name="Ask for the plan Small, 50 GB").click()
    expect(storage).to_contain_text("asked for")
    cloud.run("plan", "grant", ACCOUNT, "--message", "Enjoy <b>it</b>.",
              "--data", cloud.folder / "data")
    account.reload()
    expect(storage).to_contain_text(re.compile("The plan Small was granted on .*20"))
    expect(storage).to_contain_text("“Enjoy <b>it</b>.”")
    expect(storage).to_contain_text("of 50 GB used")
    expect(storage).to_contain_text("Your plan is Small.")


def test_a_plan_that_is_gone_meanwhile_is_said(account, cloud):
    data = ("--data", cloud.folder / "data")
    cloud.run("plan", "set", "Passing", "70GB", *data)
    account.reload()
    button = account.get_by_role("button", name=re.compile("plan Passing"))
    expect(button).to_be_visible()
    cloud.run("plan", "remove", "Passing", *data)
    button.click()
    expect(account.get_by_role("alert")).to_contain_text("Passing")


def test_each_device_is_there_with_what_it_said_last(account, cloud):
    devices = account.get_by_role("region", name="Devices")
    expect(devices.get_by_role("heading", name="studio")).to_be_visible()
    studio = devices.locator("article", has_text="studio")
    expect(studio).to_contain_text("in sync")
    expect(studio).to_contain_text("Last heard from")
    browsers = devices.locator("summary")
    expect(browsers).to_contain_text("browser")
    browsers.focus()
    account.keyboard.press("Enter")
    expect(devices.get_by_text("This browser.")).to_be_visible()


def test_the_worst_device_is_first_with_its_reasons(account, shots):
    """What the server would answer of a family's devices, as the page shows it."""
    now = account.evaluate("Date.now()")
    day = 86_400_000

    def device(number, name, heard, state, *reasons, **counts):
        return {
            "id": f"{number:032x}", "name": name, "isBrowser": False, "signedInAt": now - 90 * day,
            "lastHeardAt": heard, "statusAt": heard, "status": {
                "state": state, "counts": {"items": 1200, "inSync": 1180, **counts},
                "bytes": {}, "reasons": list(reasons)}}

    told = [
        device(1, "Anna's telephone", now - 5_000, "upToDate", inSync=1200),
        device(2, "The old laptop in the cellar", now - 12 * day, "upToDate"),
        device(3, "camera", now - 60_000, "attention", {
            "code": "diskFull", "message": "This device's disk is full: 12 MB are free.",
            "since": now - 3 * day, "clearsWhen": "there is room again",
            "fix": "Free some space, or run martlet photos optimize on."}, onlyInCloud=20),
        device(4, "studio", now - 60_000, "waiting", {
            "code": "onBattery", "message": "It runs on battery, at 34 %.", "since": now - 600_000,
            "clearsWhen": "it is plugged in", "fix": None}, onlyHere=7),
    ]
    account.route("**/api/v1/devices", lambda route: route.fulfill(json={"devices": told}))
    account.reload()
    devices = account.get_by_role("region", name="Devices")
    expect(devices).to_contain_text("1 of 4 devices is well.")
    names = devices.locator("article h3").all_inner_texts()
    assert [name.split("\n")[0] for name in names] == [
        "camera", "studio", "The old laptop in the cellar", "Anna's telephone"]
    expect(devices.locator("article").nth(2)).to_contain_text("last heard 12 days ago")
    camera = devices.locator("article").first
    expect(camera).to_contain_text("This device's disk is full: 12 MB are free. for 3 days")
    expect(camera).to_contain_text("Clears when there is room again.")
    expect(camera).to_contain_text("martlet photos optimize on")
    expect(camera).to_contain_text("diskFull")

    account.set_viewport_size({"width": 1000, "height": 1500})
    account.wait_for_timeout(300)
    account.screenshot(path=shots / "account.png", full_page=True)
    account.emulate_media(color_scheme="dark")
    account.wait_for_timeout(300)
    account.screenshot(path=shots / "account-dark.png", full_page=True)
    account.set_viewport_size({"width": 390, "height": 780})
    account.wait_for_timeout(300)
    assert account.evaluate("document.documentElement.scrollWidth") <= 390
    account.screenshot(path=shots / "account-narrow-dark.png", full_page=True)
    account.emulate_media(color_scheme="light")
    account.wait_for_timeout(300)
    account.screenshot(path=shots / "account-narrow.png", full_page=True)


def test_a_browser_that_is_lost_is_signed_out_from_here(account, browser, cloud):
    lost = browser.new_context(base_url=cloud.address)
    elsewhere = lost.new_page()
    elsewhere.goto("/")
    elsewhere.get_by_label("Name").fill(ACCOUNT)
    elsewhere.get_by_label("Password").fill(cloud.password)
    elsewhere.get_by_role("button", name="Sign in").click()
    elsewhere.get_by_role("button", name="Sign out").wait_for()
    lost_id = elsewhere.evaluate("localStorage.getItem('martlet.device')")
    account.reload()
    devices = account.get_by_role("region", name="Devices")
    devices.locator("summary").click()
    button = devices.locator(f'[data-device="{lost_id}"]').get_by_role("button")
    account.once("dialog", lambda dialog: dialog.dismiss())
    button.click()
    assert elsewhere.request.get("/api/v1/devices").status == 200
    account.once("dialog", lambda dialog: dialog.accept())
    button.click()
    expect(button).to_have_count(0)
    assert elsewhere.request.get("/api/v1/devices").status == 401
    lost.close()


def test_the_keys_reach_everything_in_the_order_of_the_page(account):
    account.locator("body").press("Tab")
    seen = []
    for _ in range(12):
        focused = account.evaluate(
            "document.activeElement.getAttribute('aria-label')"
            " ?? document.activeElement.innerText")
        seen.append(focused)
        account.keyboard.press("Tab")
    assert seen[:2] == ["Photos", "System status"]
    assert any(text.startswith("Ask for the plan") for text in seen)
    assert "Sign studio out" in seen
    assert seen.index("Sign studio out") > 2


def test_the_way_there_and_back(library):
    library.get_by_role("link", name="Account").click()
    expect(library.get_by_role("heading", name="Account")).to_be_visible()
    expect(library.get_by_role("heading", name="Devices")).to_be_visible()
    library.get_by_role("link", name="Photos").click()
    expect(library.get_by_role("button", name="Sign out")).to_be_visible()


def test_who_is_not_signed_in_signs_in_and_is_where_they_wanted(page, cloud):
    page.goto("/account")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill(ACCOUNT)
    page.get_by_label("Password").fill(cloud.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    page.context.clear_cookies()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
