"""The page with 100,000 pictures, from a made-up answer: only what is seen is asked for."""

import json
import re

from playwright.sync_api import expect

COUNT = 100_000
MONTHS = 200


def month(index):
    return f"{2025 - index // 12:04}-{12 - index % 12:02}"


def answer(route):
    url = route.request.url
    if "/photos/months" in url:
        months = [{"month": month(index), "count": COUNT // MONTHS} for index in range(MONTHS)]
        body = {"zone": "0" * 32, "months": months}
    elif "/photos/timeline" in url:
        name = re.search(r"month=([\d-]+)", url)[1]
        offset = int(re.search(r"offset=(\d+)", url)[1])
        limit = int(re.search(r"limit=(\d+)", url)[1])
        body = {"assets": [
            {"id": f"{index:032x}", "name": f"{name} {index}.jpg", "kind": "image",
             "takenAt": f"{name}-11T12:00:00", "mediaType": "image/jpeg", "byteCount": 1}
            for index in range(offset, min(offset + limit, COUNT // MONTHS))]}
    elif "/photos/progress" in url:
        body = {"assets": COUNT, "waiting": 0, "withoutPreview": 0, "damaged": 0}
    elif "/devices" in url:
        body = {"devices": []}
    else:
        route.abort()
        return
    route.fulfill(status=200, content_type="application/json", body=json.dumps(body))


def test_a_hundred_thousand_pictures_scroll_from_end_to_end(page):
    page.route("**/api/v1/**", answer)
    page.goto("/")
    expect(page.get_by_title(f"{month(0)} 0.jpg")).to_be_visible()
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height > COUNT / 12 * 100
    assert page.locator(".tile").count() < 400

    page.evaluate(f"scrollTo(0, {height} / 2)")
    middle = re.compile(f"^{month(MONTHS // 2)} ")
    expect(page.get_by_title(middle).first).to_be_visible()
    assert page.locator(".tile").count() < 400

    page.locator(".tile").first.focus()
    page.keyboard.press("End")
    last = page.get_by_title(f"{month(MONTHS - 1)} {COUNT // MONTHS - 1}.jpg")
    expect(last).to_be_focused()
    assert page.locator(".tile").count() < 400
