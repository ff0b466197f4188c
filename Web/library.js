// The page of somebody who is signed in: the bar, the months, the viewer, kept up to date.

import { ApiError, api } from "./api.js";
import { DevicesPanel } from "./devices.js";
import { announce, element, throttled } from "./elements.js";
import { Grid } from "./grid.js";
import { Timeline } from "./timeline.js";
import { Viewer } from "./viewer.js";
import { counted, deviceLine } from "./words.js";

/** @import { Device } from "./api.js" */
/** @import { Place } from "./timeline.js" */

/**
 * @param {{signOut: () => void, signedOut: () => void}} options `signedOut`: the server says so
 * @returns {{root: HTMLElement, close: () => void}}
 */
export function libraryPage({ signOut, signedOut }) {
    const timeline = new Timeline();
    const devicesPanel = new DevicesPanel();
    const status = element("span", { role: "status" });
    const statusButton = element(
        "button", {
            type: "button", class: "status", "aria-haspopup": "dialog", title: "Devices",
            onclick: () => devicesPanel.open(),
        }, status);
    const empty = emptyState();
    const notice = element("p", { class: "notice", role: "alert", hidden: true });
    const viewer = new Viewer(timeline, (place) => closed(place));
    const grid = new Grid(timeline, (place) => open(place));
    const bar = element(
        "header", { class: "bar" },
        element("img", { src: "/icon.svg", alt: "", width: 28, height: 28 }),
        element("h1", {}, "Martlet"), statusButton,
        element("a", { class: "plain-button", href: "/account" }, "Account"),
        element("button", { type: "button", class: "plain-button", onclick: signOut }, "Sign out"));
    const root = element(
        "div", { class: "library" }, bar,
        element("main", {}, notice, empty, grid.root), viewer.root, devicesPanel.root);

    /** @param {Place} place */
    function open(place) {
        history.pushState({ viewer: true }, "");
        viewer.show(place);
    }

    /** @param {Place} place */
    function closed(place) {
        if (history.state?.viewer) history.back();
        grid.focus(place);
    }

    const goBack = () => viewer.close();
    window.addEventListener("popstate", goBack);

    /** @param {unknown} error */
    function failed(error) {
        if (error instanceof ApiError && error.status === 401) {
            signedOut();
            return;
        }
        notice.textContent = error instanceof Error ? error.message : String(error);
        notice.hidden = false;
    }

    async function refresh() {
        try {
            await timeline.refresh();
            notice.hidden = true;
            empty.hidden = timeline.count > 0;
        } catch (error) {
            failed(error);
        }
    }

    async function refreshStatus() {
        try {
            const [{ devices }, progress] = await Promise.all([api.devices(), api.progress()]);
            const line = statusLine(devices, progress);
            if (status.textContent !== line) status.textContent = line;
            statusButton.title = `Devices: ${line}`;
            devicesPanel.show(devices, Date.now());
        } catch (error) {
            if (error instanceof ApiError && error.status === 401) signedOut();
        }
    }

    const refreshSoon = throttled(refresh, 1_000);
    const refreshStatusSoon = throttled(refreshStatus, 2_000);
    const live = follow(() => timeline.zone, () => {
        refreshSoon();
        refreshStatusSoon();
    });
    const timer = window.setInterval(refreshStatusSoon, 15_000);
    refresh().then(() => announce(counted(timeline.count, "item")));
    refreshStatusSoon();

    return {
        root,
        close() {
            live.close();
            window.clearInterval(timer);
            window.removeEventListener("popstate", goBack);
            viewer.close();
            root.remove();
        },
    };
}

/**
 * Calls `changed` whenever the zone has a new head, and after each silence of the server.
 * @param {() => string} zone @param {() => void} changed
 */
function follow(zone, changed) {
    let known = "";
    let isDown = false;
    const source = api.events();
    source.addEventListener("zone", (event) => {
        const { zone: changedZone, epoch, head } = JSON.parse(event.data);
        if (zone() && changedZone !== zone()) return;
        const current = `${epoch} ${head}`;
        if (known === current && !isDown) return;
        isDown = false;
        known = current;
        changed();
    });
    source.addEventListener("error", () => {
        isDown = true;
        // The browser connects again by itself, unless the answer was not a stream: then the
        // status request finds out why.
        changed();
    });
    return source;
}

/** @param {Device[]} devices @param {{waiting: number}} progress */
function statusLine(devices, progress) {
    const now = Date.now();
    const parts = devices.filter((device) => !device.isBrowser)
        .map((device) => deviceLine(device, now));
    if (progress.waiting > 0) parts.push(`making ${counted(progress.waiting, "thumbnail")}`);
    return parts.join(" · ");
}

function emptyState() {
    return element(
        "section", { class: "empty", hidden: true },
        element("h2", {}, "No pictures yet"),
        element("p", {}, "On the device that has them, run:"),
        element("pre", {}, `martlet login ${location.origin} --account NAME\n`
            + "martlet photos source add ~/Pictures\nmartlet sync"),
        element("p", { class: "quiet" }, "They appear here while they arrive."));
}
