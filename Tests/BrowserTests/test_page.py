"""The web page as people use it: with the mouse, with the keys, with a screen reader's eyes."""

import hashlib
import re

from playwright.sync_api import expect

from conftest import ACCOUNT, PHOTOS, PICTURES


def test_a_wrong_password_is_said_and_the_right_one_opens_the_library(page, cloud, shots):
    page.goto("/")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill(ACCOUNT)
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
    page.screenshot(path=shots / "sign-in.png")
    page.get_by_label("Password").fill(cloud.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Martlet")).to_be_visible()
    expect(page).to_have_title("Photos · Martlet")
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_months_stand_newest_first_with_their_counts(library, shots):
    headings = library.locator(".month h2")
    months = library.request.get("/api/v1/photos/months").json()["months"]
    assert [month["month"] for month in months] == sorted(
        (month["month"] for month in months), reverse=True)
    assert sum(month["count"] for month in months) == len(PICTURES)
    expect(headings).to_have_count(len(months))
    expect(library.get_by_role("heading", name="October 2008")).to_be_visible()
    library.wait_for_timeout(500)
    library.screenshot(path=shots / "grid.png")
    library.emulate_media(color_scheme="dark")
    library.wait_for_timeout(300)
    library.screenshot(path=shots / "grid-dark.png")


def test_every_tile_has_words_and_damaged_ones_say_so(library):
    for tile in library.locator(".tile").all():
        assert tile.inner_text() or tile.locator("img").get_attribute("alt")
    broken = library.get_by_role(
        "button", name=re.compile("NegativeArraySize.*damaged file"))
    broken.scroll_into_view_if_needed()
    expect(broken).to_be_visible()
    broken.click()
    expect(library.get_by_role("dialog")).to_contain_text("This file is damaged")


def test_a_click_opens_a_picture_and_keys_lead_on(library, shots):
    tiles = library.locator(".tile:has(img)")
    tiles.first.click()
    dialog = library.get_by_role("dialog")
    expect(dialog).to_be_visible()
    first = dialog.locator(".title").inner_text()
    library.keyboard.press("ArrowRight")
    expect(dialog.locator(".title")).not_to_have_text(first)
    library.keyboard.press("ArrowLeft")
    expect(dialog.locator(".title strong")).to_have_text(first.split("\n")[0])
    # The film that was left does not come back over the picture.
    library.wait_for_timeout(500)
    expect(dialog.locator(".stage img")).to_be_visible()
    expect(dialog.locator(".stage .message")).to_have_count(0)
    library.keyboard.press("i")
    expect(dialog.locator(".details")).to_contain_text("Name")
    library.wait_for_timeout(800)
    library.screenshot(path=shots / "viewer.png")
    library.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(tiles.first).to_be_focused()


def test_the_preview_comes_first_and_the_original_at_full_size(library):
    tile = library.get_by_role("button", name=re.compile("Photo, 22 October 2008")).first
    tile.click()
    image = library.locator(".stage img")
    expect(image).to_have_attribute("src", re.compile("/preview"))
    library.keyboard.press("z")
    expect(image).to_have_attribute("src", re.compile("/original"))
    width = image.evaluate("(image) => image.decode().then(() => image.naturalWidth)")
    assert width == 640
    library.keyboard.press("Escape")


def test_arrow_keys_walk_through_the_grid(library):
    library.locator(".tile").first.focus()
    library.keyboard.press("ArrowRight")
    expect(library.locator(".tile").nth(1)).to_be_focused()
    library.keyboard.press("End")
    library.keyboard.press("Enter")
    expect(library.get_by_role("dialog")).to_be_visible()
    expect(library.get_by_role("button", name="Older")).to_be_hidden()
    library.go_back()
    expect(library.get_by_role("dialog")).to_be_hidden()
    library.keyboard.press("Home")
    expect(library.locator(".tile").first).to_be_focused()


def test_a_film_has_controls_and_one_that_no_browser_plays_is_offered(library):
    library.get_by_title("100_0306.AVI").click()
    expect(library.get_by_role("dialog")).to_contain_text("cannot play this kind of video")
    library.keyboard.press("Escape")
    library.get_by_title("with-gps.mp4").click()
    expect(library.locator(".stage video, .stage .message")).to_be_visible()


def test_the_original_is_downloaded_byte_for_byte_with_its_name(library):
    name = "camera/Canon EOS 20D (1).jpg"
    library.get_by_title("Canon EOS 20D (1).jpg").click()
    with library.expect_download() as download:
        library.get_by_label("Download the original").click()
    assert download.value.suggested_filename == "Canon EOS 20D (1).jpg"
    got = hashlib.sha256(download.value.path().read_bytes()).hexdigest()
    assert got == hashlib.sha256((PHOTOS / name).read_bytes()).hexdigest()


def test_the_device_is_named_with_its_state(library):
    expect(library.locator(".status")).to_contain_text("studio: synced")


def test_the_devices_say_what_they_wait_for(library, cloud, shots):
    library.get_by_role("button", name="Devices").click()
    dialog = library.get_by_role("dialog", name="Devices")
    expect(dialog.get_by_role("heading", name="studio")).to_be_visible()
    expect(dialog).to_contain_text("in sync")
    expect(dialog).to_contain_text("browser")
    library.wait_for_timeout(300)
    library.screenshot(path=shots / "devices.png")
    library.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_signing_out_ends_the_session(library):
    library.get_by_role("button", name="Sign out").click()
    expect(library.get_by_role("button", name="Sign in")).to_be_visible()
    assert library.request.get("/api/v1/photos/months").status == 401
    library.reload()
    expect(library.get_by_role("button", name="Sign in")).to_be_visible()


def test_on_a_telephone(browser, cloud, shots):
    context = browser.new_context(
        viewport={"width": 390, "height": 780}, device_scale_factor=2, has_touch=True,
        base_url=cloud.address)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Name").fill(ACCOUNT)
    page.get_by_label("Password").fill(cloud.password)
    page.get_by_role("button", name="Sign in").tap()
    page.locator(".tile img.here").first.wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "telephone.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_new_picture_appears_by_itself(library, cloud):
    """Last, since it changes the library."""
    before = library.request.get("/api/v1/photos/progress").json()["assets"]
    cloud.add(["web/Photo (1).webp"])
    expect(library.get_by_title("Photo (1).webp")).to_be_attached(timeout=20_000)
    after = library.request.get("/api/v1/photos/progress").json()["assets"]
    assert after == before + 1


def test_the_status_page_needs_no_sign_in_and_no_scripts(browser, cloud, shots):
    context = browser.new_context(
        viewport={"width": 1000, "height": 800}, base_url=cloud.address,
        java_script_enabled=False)
    page = context.new_page()
    page.goto("/status")
    expect(page).to_have_title("All services are available · Martlet")
    for name in ("Accounts", "Photos"):
        expect(page.get_by_role("heading", name=name)).to_contain_text("Available")
    expect(page.get_by_role("img", name=re.compile("The last 90 days"))).to_have_count(2)
    assert page.locator(".days li").count() == 180
    # The style is the server's own and is let in by its security policy.
    bar = page.locator(".days").first
    assert bar.evaluate("bar => getComputedStyle(bar).display") == "flex"
    page.screenshot(path=shots / "status.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=shots / "status-dark.png")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=shots / "status-narrow.png")
    context.close()
