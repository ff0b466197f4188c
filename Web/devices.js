// What each device is doing, and why it waits: the same reasons as on the device itself.

import { element, icon } from "./elements.js";
import { ago, counted, deviceState } from "./words.js";

/** @import { Device, Reason } from "./api.js" */

/** A list of the account's devices, over the page. */
export class DevicesPanel {
    constructor() {
        this.list = element("div", { class: "device-list" });
        this.root = element(
            "dialog", { class: "devices", "aria-labelledby": "devices-title" },
            element(
                "header", {},
                element("h2", { id: "devices-title" }, "Devices"),
                element(
                    "button", {
                        type: "button", class: "round", "aria-label": "Close",
                        onclick: () => this.root.close(),
                    }, icon("close"))),
            this.list);
        // A click beside the list closes it.
        this.root.addEventListener("click", (event) => {
            if (event.target === this.root) this.root.close();
        });
        /** What is shown, so that nothing moves while nothing changes. */
        this.shown = "";
    }

    open() {
        if (!this.root.open) this.root.showModal();
    }

    close() {
        this.root.close();
    }

    /** @param {Device[]} devices @param {number} now milliseconds */
    show(devices, now) {
        const articles = devices.map((device) => article(device, now));
        const content = articles.map((each) => each.textContent).join("\n");
        if (content === this.shown) return;
        this.shown = content;
        this.list.replaceChildren(...articles);
    }
}

/** @param {Device} device @param {number} now */
function article(device, now) {
    const heard = now - device.lastHeardAt;
    const contact = heard < 90_000 ? "heard from just now" : `heard from ${ago(heard)} ago`;
    const state = deviceState(device, now);
    const reasons = device.isBrowser ? [] : device.status?.reasons ?? [];
    return element(
        "article", { class: `device ${state.kind}` },
        element(
            "h3", {}, device.name,
            element("span", { class: "quiet" }, device.isBrowser ? "browser" : contact)),
        device.isBrowser
            ? element("p", { class: "quiet" }, `Signed in, ${contact}`)
            : element("p", { class: "state" }, state.text),
        device.status && !device.isBrowser ? countsLine(device.status.counts) : null,
        reasons.length === 0
            ? null : element("ul", {}, ...reasons.map((reason) => reasonItem(reason, now))));
}

/** @param {Record<string, number>} counts */
function countsLine(counts) {
    const words = {
        inSync: "in sync", uploading: "uploading", downloading: "downloading",
        waiting: "waiting", onlyHere: "only on this device", onlyInCloud: "only in the cloud",
        failed: "failed", held: "held until you answer",
    };
    const parts = Object.entries(words)
        .filter(([name]) => (counts[name] ?? 0) > 0)
        .map(([name, text]) => `${counts[name].toLocaleString("en-GB")} ${text}`);
    return element(
        "p", { class: "quiet" },
        [counted(counts.items ?? 0, "item"), ...parts].join(" · "));
}

/** @param {Reason} reason @param {number} now */
function reasonItem(reason, now) {
    const age = now - reason.since;
    const since = age < 90_000 ? "since just now" : `for ${ago(age)}`;
    return element(
        "li", {},
        element("p", {}, reason.message, " ", element("span", { class: "quiet" }, since)),
        element("p", { class: "quiet" }, `Clears when ${reason.clearsWhen}.`),
        reason.fix ? element("p", { class: "fix" }, reason.fix) : null);
}
