// What each device is doing, and why it waits: the same reasons as on the device itself.

import { element, icon } from "./elements.js";
import { deviceID } from "./sign-in.js";
import { ago, counted, deviceState, time } from "./words.js";

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
                element("a", { href: "/account" }, "More"),
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

/** What a doctor would be shown: each device with all that it said last, the worst first. */
export class DevicesSection {
    /** @param {{signOut: (device: Device) => Promise<void>}} actions */
    constructor(actions) {
        this.actions = actions;
        this.heading = element("h2", { id: "account-devices-title", tabIndex: -1 }, "Devices");
        this.content = element("div", { class: "content" });
        this.root = element(
            "section", { "aria-labelledby": "account-devices-title" }, this.heading, this.content);
        this.shown = "";
    }

    /** @param {Device[]} devices @param {number} now milliseconds */
    show(devices, now) {
        const own = deviceID();
        const ranks = ["problem", "waiting", "good"];
        const synced = devices.filter((device) => !device.isBrowser).sort(
            (one, other) => ranks.indexOf(deviceState(one, now).kind)
                - ranks.indexOf(deviceState(other, now).kind)
                || one.name.localeCompare(other.name));
        const browsers = devices.filter((device) => device.isBrowser);
        const articles = synced.map((device) => this.article(device, now, false));
        const others = browsers.map((device) => this.article(device, now, device.id === own));
        const summary = element("p", {}, summaryLine(synced, now));
        const content = [summary, ...articles, ...others].map((each) => each.textContent).join("\n");
        if (content === this.shown) return;
        this.shown = content;
        const focused = document.activeElement?.closest("[data-device]")
            ?.getAttribute("data-device");
        const areOpen = this.content.querySelector("details")?.open ?? false;
        this.content.replaceChildren(
            summary, element("div", { class: "device-list" }, ...articles),
            ...browsers.length === 0 ? [] : [element(
                "details", { open: areOpen },
                element("summary", {}, counted(browsers.length, "browser")),
                element("div", { class: "device-list" }, ...others))]);
        if (!focused) return;
        // The keys go on from the same device, or from here when it is gone.
        const again = this.content.querySelector(`[data-device="${CSS.escape(focused)}"] button`);
        if (again instanceof HTMLElement) again.focus();
        else this.heading.focus();
    }

    /** @param {Device} device @param {number} now @param {boolean} isOwn */
    article(device, now, isOwn) {
        const result = article(device, now);
        result.setAttribute("data-device", device.id);
        const heard = time(device.lastHeardAt);
        const facts = element(
            "dl", {},
            ...fact("Last heard from", heard),
            ...device.statusAt && !device.isBrowser && time(device.statusAt) !== heard
                ? fact("Last report", time(device.statusAt)) : []);
        result.querySelector(".state, h3 + p")?.after(facts);
        for (const [index, item] of [...result.querySelectorAll("li")].entries()) {
            item.append(element("code", {}, device.status?.reasons[index]?.code ?? ""));
        }
        result.append(isOwn ? element("p", { class: "quiet" }, "This browser.") : element(
            "button", {
                type: "button", class: "plain-button", "aria-label": `Sign ${device.name} out`,
                onclick: () => this.signOut(device),
            }, "Sign out"));
        return result;
    }

    /** @param {Device} device */
    async signOut(device) {
        const isSure = window.confirm(
            `Sign “${device.name}” out? It keeps the files that it has, and syncs no more until `
                + "somebody signs in there.");
        if (isSure) await this.actions.signOut(device);
    }
}

/** @param {string} name @param {string} value */
const fact = (name, value) => [element("dt", {}, name), element("dd", {}, value)];

/** How the devices do, in one sentence. @param {Device[]} devices @param {number} now */
function summaryLine(devices, now) {
    if (devices.length === 0) return "No device syncs yet.";
    const well = devices.filter((device) => deviceState(device, now).kind === "good").length;
    if (well === devices.length) {
        return devices.length === 1 ? "Your device is well." : `All ${devices.length} devices are well.`;
    }
    return `${well} of ${counted(devices.length, "device")} ${well === 1 ? "is" : "are"} well.`;
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
