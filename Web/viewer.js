// One picture, as large as the window: the preview first, the original for full size.

import { api, originalURL, previewURL, thumbnailURL } from "./api.js";
import { announce, element, icon } from "./elements.js";
import { bytes, clock, describe, moment } from "./words.js";

/** @import { Asset } from "./api.js" */
/** @import { Place, Timeline } from "./timeline.js" */

/** What every browser of these days shows by itself. */
const shownByBrowsers = new Set(
    ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp"]);

export class Viewer {
    #stage = element("div", { class: "stage" });
    #title = element("div", { class: "title" });
    #details = element("dl", { class: "details", hidden: true });
    /** @type {Place|null} */
    place = null;
    /** @type {Asset|null} */
    #asset = null;
    #isLarge = false;
    #serial = 0;

    /** @param {Timeline} timeline @param {(place: Place) => void} closed */
    constructor(timeline, closed) {
        this.timeline = timeline;
        this.closed = closed;
        const button = (
            /** @type {Parameters<typeof icon>[0]} */ shape, /** @type {string} */ label,
            /** @type {() => void} */ action, /** @type {string} */ name,
        ) => element(
            "button",
            { type: "button", class: `round ${name}`, "aria-label": label, title: label, onclick: action },
            icon(shape));
        this.download = element(
            "a", { class: "round", "aria-label": "Download the original", title: "Download (D)" },
            icon("download"));
        this.enlarge = button("enlarge", "Full size (Z)", () => this.toggleSize(), "enlarge");
        this.information = button("information", "Details (I)", () => this.toggleDetails(), "info");
        this.previous = button("previous", "Newer (left arrow)", () => this.step(-1), "previous");
        this.next = button("next", "Older (right arrow)", () => this.step(1), "next");
        this.root = element(
            "dialog", { class: "viewer", "aria-label": "Picture", tabIndex: -1 },
            element(
                "header", {}, button("close", "Close (Escape)", () => this.close(), "close"),
                this.#title, this.information, this.enlarge, this.download),
            this.#stage, this.previous, this.next, this.#details);
        // Escape closes a dialog by itself and tells it afterwards.
        this.root.addEventListener("close", () => this.close());
        this.root.addEventListener("keydown", (event) => this.#handleKey(event));
        this.#stage.addEventListener("click", (event) => {
            if (event.target instanceof HTMLImageElement) this.toggleSize();
            else if (event.target === this.#stage) this.close();
        });
        this.#watchSwipes();
    }

    /** @param {Place} place */
    async show(place) {
        this.#serial += 1;
        const serial = this.#serial;
        this.place = place;
        if (!this.root.open) {
            this.root.showModal();
            // The keyboard begins at the dialog itself, not at one of its buttons.
            this.root.focus();
        }
        const asset = await this.timeline.get(place.month, place.index).catch(() => undefined);
        if (serial !== this.#serial || !this.root.open) return;
        if (!asset) {
            this.#say("This picture cannot be loaded just now.", null);
            return;
        }
        this.#asset = asset;
        this.#isLarge = false;
        this.#draw(asset);
        this.#prefetch(place);
    }

    /** Does nothing when it is closed already. */
    close() {
        const place = this.place;
        if (!place) return;
        this.#clear();
        if (this.root.open) this.root.close();
        this.closed(place);
    }

    /** @param {number} step */
    step(step) {
        const target = this.place && this.timeline.step(this.place, step);
        if (target) this.show(target);
    }

    /** Between fitting the window and every pixel of the original. */
    toggleSize() {
        const image = this.#stage.querySelector("img");
        if (!image || !this.#asset) return;
        this.#isLarge = !this.#isLarge;
        this.#stage.classList.toggle("large", this.#isLarge);
        this.enlarge.setAttribute("aria-pressed", String(this.#isLarge));
        if (this.#isLarge && shownByBrowsers.has(this.#asset.mediaType)) {
            swapWhenLoaded(image, originalURL(this.#asset));
        }
    }

    toggleDetails() {
        this.#details.hidden = !this.#details.hidden;
        this.information.setAttribute("aria-pressed", String(!this.#details.hidden));
        if (!this.#details.hidden) this.#fillDetails();
    }

    /** @param {Asset} asset */
    #draw(asset) {
        const label = describe(asset);
        this.#title.replaceChildren(
            element("strong", {}, moment(asset.takenAt)), element("span", {}, asset.name));
        this.download.href = originalURL(asset, true);
        this.download.download = asset.name;
        this.#stage.className = "stage";
        this.enlarge.hidden = asset.kind === "video" || !asset.preview;
        this.enlarge.setAttribute("aria-pressed", "false");
        const place = /** @type {Place} */ (this.place);
        this.previous.hidden = !this.timeline.step(place, -1);
        this.next.hidden = !this.timeline.step(place, 1);
        if (asset.kind === "video") this.#drawVideo(asset);
        else if (asset.preview || asset.thumbnail) this.#drawImage(asset, label);
        else if (asset.problem) {
            this.#say("This file is damaged: no picture can be read from it. Its bytes are kept.",
                asset);
        } else this.#say("The preview of this picture is still being made.", asset);
        announce(label);
        if (!this.#details.hidden) this.#fillDetails();
    }

    /** @param {Asset} asset @param {string} label */
    #drawImage(asset, label) {
        const image = element("img", { alt: label, draggable: false });
        if (asset.width && asset.height) {
            image.style.aspectRatio = `${asset.width} / ${asset.height}`;
            image.width = asset.width;
            image.height = asset.height;
        }
        if (asset.thumbnail) image.src = thumbnailURL(asset);
        this.#stage.replaceChildren(image);
        if (asset.preview) swapWhenLoaded(image, previewURL(asset));
    }

    /** @param {Asset} asset */
    #drawVideo(asset) {
        const video = element("video", {
            controls: true, playsInline: true, preload: "metadata", src: originalURL(asset),
            "aria-label": describe(asset),
        });
        if (asset.preview) video.poster = previewURL(asset);
        video.addEventListener("error", () => {
            // It may come when another picture is shown already.
            if (!video.isConnected) return;
            const poster = asset.preview
                ? element("img", { src: previewURL(asset), alt: describe(asset), class: "poster" })
                : null;
            this.#say("This browser cannot play this kind of video. Download it to watch it.",
                asset, poster);
        });
        this.#stage.replaceChildren(video);
    }

    /** @param {string} text @param {Asset|null} asset @param {HTMLElement|null} picture */
    #say(text, asset, picture = null) {
        this.#stage.replaceChildren(element(
            "div", { class: "message", role: "status" },
            picture ?? (asset?.problem ? icon("damaged") : null),
            element("p", {}, text),
            asset ? element("p", { class: "quiet" }, `${asset.name}, ${bytes(asset.byteCount)}`) : null,
        ));
    }

    async #fillDetails() {
        const asset = this.#asset;
        if (!asset) return;
        const all = await api.asset(asset.id).catch(() => null);
        if (asset !== this.#asset) return;
        const facts = all?.facts ?? {};
        const position = typeof facts.latitude === "number" && typeof facts.longitude === "number"
            ? `${facts.latitude.toFixed(5)}, ${facts.longitude.toFixed(5)}` : "";
        /** @type {[string, string][]} */
        const rows = [
            ["Name", asset.name],
            ["Taken", `${moment(asset.takenAt)}${zone(asset.takenAt)}`],
            ["Size", [asset.width && asset.height ? `${asset.width} × ${asset.height}` : "",
                bytes(asset.byteCount)].filter(Boolean).join(", ")],
            ["Length", asset.duration ? clock(asset.duration) : ""],
            ["Camera", [facts.cameraMake, facts.cameraModel].filter(Boolean).join(" ")],
            ["Lens", facts.lens ?? ""],
            ["Position", position],
            ["Kind", asset.mediaType],
        ];
        this.#details.replaceChildren(...rows.filter(([, text]) => text).flatMap(
            ([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
    }

    /** The neighbours' previews, so that the next key shows them at once. @param {Place} place */
    #prefetch(place) {
        for (const step of [1, -1]) {
            const neighbour = this.timeline.step(place, step);
            if (!neighbour) continue;
            this.timeline.get(neighbour.month, neighbour.index).then((asset) => {
                if (asset?.preview && asset.kind !== "video") new Image().src = previewURL(asset);
            }, () => {});
        }
    }

    /** @param {KeyboardEvent} event */
    #handleKey(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const isInVideo = event.target instanceof HTMLVideoElement;
        switch (event.key) {
            case "ArrowLeft": if (!isInVideo) this.step(-1); break;
            case "ArrowRight": if (!isInVideo) this.step(1); break;
            case "z": case "Z": this.toggleSize(); break;
            case "i": case "I": this.toggleDetails(); break;
            case "d": case "D": this.download.click(); break;
            default: return;
        }
        if (!isInVideo) event.preventDefault();
    }

    /** A finger moved sideways leads to the neighbour. */
    #watchSwipes() {
        let start = 0;
        this.#stage.addEventListener("touchstart", (event) => {
            start = event.touches.length === 1 ? event.touches[0].clientX : 0;
        }, { passive: true });
        this.#stage.addEventListener("touchend", (event) => {
            const distance = event.changedTouches[0].clientX - start;
            if (start && !this.#isLarge && Math.abs(distance) > 60) this.step(distance < 0 ? 1 : -1);
        }, { passive: true });
    }

    #clear() {
        this.#serial += 1;
        this.#asset = null;
        this.place = null;
        // A video goes on loading until it loses its source.
        this.#stage.querySelector("video")?.removeAttribute("src");
        this.#stage.replaceChildren();
    }
}

/** @param {HTMLImageElement} image @param {string} address */
function swapWhenLoaded(image, address) {
    const loader = new Image();
    loader.onload = () => { if (image.isConnected) image.src = address; };
    loader.src = address;
}

/** The offset behind a time, for people. @param {string} takenAt */
function zone(takenAt) {
    const offset = /([+-]\d\d:\d\d|Z)$/.exec(takenAt)?.[1];
    return offset ? ` (UTC${offset === "Z" || offset === "+00:00" ? "" : offset})` : "";
}
