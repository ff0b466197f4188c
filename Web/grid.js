// The grid of months. Only what is near the viewport is in the document: a month's height follows
// from its count, so the scroll bar is right for 100,000 pictures before any of them is asked for.

import { thumbnailURL } from "./api.js";
import { averageColour } from "./colour.js";
import { element, icon } from "./elements.js";
import { clock, counted, describe, monthName } from "./words.js";

/** @import { Asset } from "./api.js" */
/** @import { Place, Timeline } from "./timeline.js" */

const headingHeight = 56;
const gap = 4;
/** Between months that share a band, where there is room for it. */
const bandGap = 20;
/** Narrower than this, tiles are small and stand close. */
const narrowWidth = 600;
/** This much above and below the window is filled, in windows. */
const margin = 0.75;

/**
 * @typedef {object} Section
 * @property {string} month
 * @property {number} count
 * @property {HTMLElement} root
 * @property {HTMLElement} heading
 * @property {HTMLElement} tiles
 * @property {Map<number, HTMLButtonElement>} shown  by index
 * @property {number} top      of the whole section, within the grid
 * @property {number} height
 * @property {number} left     within the grid
 * @property {number} columns
 * @property {number} band     months with few pictures stand side by side in one band
 */

export class Grid {
    /** @type {HTMLElement} */
    root = element("div", { class: "grid" });
    /** @type {Map<string, Section>} */
    #sections = new Map();
    /** @type {Section[]} newest first */
    #order = [];
    #columns = 4;
    #cell = 160;
    #frame = 0;
    /** @type {Place|null} */
    #focused = null;

    /** @param {Timeline} timeline @param {(place: Place) => void} open */
    constructor(timeline, open) {
        this.timeline = timeline;
        this.open = open;
        this.root.addEventListener("keydown", (event) => this.#handleKey(event));
        timeline.addEventListener("change", () => this.update());
        new ResizeObserver(() => this.update()).observe(this.root);
        window.addEventListener("scroll", () => this.#schedule(), { passive: true });
        window.addEventListener("resize", () => this.update(), { passive: true });
    }

    /** Lays out anew for the timeline's counts and the window's width. */
    update() {
        const width = this.root.clientWidth;
        if (width === 0) return;
        const wanted = width < narrowWidth ? 112 : 168;
        this.#columns = Math.max(3, Math.floor((width + gap) / (wanted + gap)));
        this.#cell = (width - gap * (this.#columns - 1)) / this.#columns;
        this.root.style.setProperty("--cell", `${this.#cell}px`);

        const known = new Set(this.timeline.months.map((month) => month.month));
        for (const [month, section] of this.#sections) {
            if (known.has(month)) continue;
            section.root.remove();
            this.#sections.delete(month);
        }
        /** @type {Element|null} */
        let previous = null;
        this.#order = this.timeline.months.map(({ month, count }) => {
            const section = this.#sections.get(month) ?? this.#makeSection(month);
            if ((previous ? previous.nextElementSibling : this.root.firstElementChild)
                !== section.root) {
                if (previous) previous.after(section.root);
                else this.root.prepend(section.root);
            }
            previous = section.root;
            section.count = count;
            return section;
        });
        this.#place(width);
        this.#fill(true);
    }

    /** Gives every month its place: small ones beside each other, others the whole width.
     * @param {number} width */
    #place(width) {
        const step = this.#cell + gap;
        const between = width < narrowWidth ? gap : bandGap;
        let top = 0;
        let left = 0;
        let band = 0;
        let bandHeight = 0;
        for (const section of this.#order) {
            section.columns = Math.min(section.count, this.#columns);
            const isSmall = section.count < this.#columns;
            const span = section.columns * step - gap;
            if (left > 0 && (!isSmall || left + span > width + 1)) {
                top += bandHeight;
                band += 1;
                left = 0;
            }
            const rows = Math.ceil(section.count / section.columns);
            section.top = top;
            section.left = left;
            section.band = band;
            section.height = headingHeight + rows * step;
            const { style } = section.root;
            style.transform = `translate(${left}px, 0)`;
            style.top = `${top}px`;
            style.width = `${isSmall ? span : width}px`;
            style.height = `${section.height}px`;
            this.#title(section);
            bandHeight = section.height;
            left += (isSmall ? span : width) + between;
        }
        this.root.style.height = `${top + bandHeight}px`;
    }

    #schedule() {
        if (this.#frame) return;
        this.#frame = requestAnimationFrame(() => {
            this.#frame = 0;
            this.#fill(false);
        });
    }

    /** @param {string} month @returns {Section} */
    #makeSection(month) {
        const heading = element("h2", { id: `month-${month}` });
        const tiles = element("div", { class: "tiles", role: "list" });
        const root = element(
            "section", { class: "month", "aria-labelledby": heading.id }, heading, tiles);
        /** @type {Section} */
        const section = {
            month, count: 0, root, heading, tiles, shown: new Map(), top: 0, height: 0, left: 0,
            columns: 1, band: 0,
        };
        this.#sections.set(month, section);
        return section;
    }

    /** @param {Section} section */
    #title(section) {
        const isNarrow = section.columns < 2;
        const key = `${section.count} ${isNarrow}`;
        if (section.heading.dataset.state === key) return;
        section.heading.dataset.state = key;
        section.heading.title = counted(section.count, "item");
        section.heading.replaceChildren(
            monthName(section.month, isNarrow),
            isNarrow ? "" : element("span", { class: "quiet" }, counted(section.count, "item")));
    }

    /**
     * Puts the tiles near the window into the document and takes the others out.
     * @param {boolean} refill also looks again at tiles that are there
     */
    #fill(refill) {
        const top = -this.root.getBoundingClientRect().top;
        const from = top - window.innerHeight * margin;
        const to = top + window.innerHeight * (1 + margin);
        const row = this.#cell + gap;
        for (const section of this.#order) {
            const first = section.top + headingHeight;
            const isNear = section.top < to && section.top + section.height > from;
            const start = isNear
                ? Math.max(0, Math.floor((from - first) / row)) * section.columns : 0;
            const end = isNear
                ? Math.min(section.count, Math.ceil((to - first) / row) * section.columns) : 0;
            for (const [index, tile] of section.shown) {
                if (index >= start && index < end) continue;
                if (tile === document.activeElement && index < section.count) continue;
                tile.querySelector("img")?.removeAttribute("src");
                tile.parentElement?.remove();
                section.shown.delete(index);
            }
            for (let index = start; index < end; index += 1) {
                this.#show(section, index, refill);
            }
        }
    }

    /** @param {Section} section @param {number} index @param {boolean} refill */
    #show(section, index, refill) {
        let tile = section.shown.get(index);
        if (tile && !refill && tile.dataset.id) return tile;
        if (!tile) {
            tile = element("button", {
                type: "button", class: "tile", tabIndex: -1,
                onclick: () => this.open({ month: section.month, index }),
                onfocus: () => { this.#focused = { month: section.month, index }; },
            });
            section.shown.set(index, tile);
            section.tiles.append(element("div", { role: "listitem" }, tile));
        }
        const holder = /** @type {HTMLElement} */ (tile.parentElement);
        const column = index % section.columns;
        const row = Math.floor(index / section.columns);
        const step = this.#cell + gap;
        holder.style.transform = `translate(${column * step}px, ${row * step}px)`;
        const focused = this.#focused ?? { month: this.#order[0]?.month, index: 0 };
        tile.tabIndex = section.month === focused.month && index === focused.index ? 0 : -1;
        const asset = this.timeline.peek(section.month, index);
        if (asset) paint(tile, asset);
        return tile;
    }

    /** Brings a place into view and gives it the keyboard. @param {Place} place */
    focus(place) {
        const section = this.#sections.get(place.month);
        if (!section || place.index >= section.count) return;
        const step = this.#cell + gap;
        const tileTop = this.root.getBoundingClientRect().top + window.scrollY + section.top
            + headingHeight + Math.floor(place.index / section.columns) * step;
        const bar = 120;
        if (tileTop < window.scrollY + bar) window.scrollTo({ top: tileTop - bar });
        else if (tileTop + step > window.scrollY + window.innerHeight) {
            window.scrollTo({ top: tileTop + step + gap - window.innerHeight });
        }
        this.#focused = place;
        for (const each of this.#order) for (const tile of each.shown.values()) tile.tabIndex = -1;
        const tile = this.#show(section, place.index, true);
        tile.tabIndex = 0;
        tile.focus({ preventScroll: true });
        this.#schedule();
    }

    /** @param {KeyboardEvent} event */
    #handleKey(event) {
        if (!this.#focused || event.ctrlKey || event.metaKey || event.altKey) return;
        const target = this.#neighbour(this.#focused, event.key);
        if (!target) return;
        event.preventDefault();
        this.focus(target);
    }

    /** Where a key leads. @param {Place} place @param {string} key @returns {Place|null} */
    #neighbour(place, key) {
        const last = this.timeline.months.at(-1);
        switch (key) {
            case "ArrowRight": return this.timeline.step(place, 1);
            case "ArrowLeft": return this.timeline.step(place, -1);
            case "Home": return { month: this.timeline.months[0].month, index: 0 };
            case "End": return last ? { month: last.month, index: last.count - 1 } : null;
            case "ArrowDown":
            case "ArrowUp": return this.#vertical(place, key === "ArrowDown" ? 1 : -1);
            default: return null;
        }
    }

    /** The same column, a row further, across months. @param {Place} place @param {1|-1} way */
    #vertical(place, way) {
        const section = this.#sections.get(place.month);
        if (!section) return null;
        const rowOf = (/** @type {number} */ index) => Math.floor(index / section.columns);
        const row = rowOf(place.index) + way;
        const column = place.index % section.columns;
        if (row >= 0 && row <= rowOf(section.count - 1)) {
            const index = Math.min(row * section.columns + column, section.count - 1);
            return { month: section.month, index };
        }
        const x = section.left + column * (this.#cell + gap);
        const others = this.#order.filter((other) => other.band === section.band + way);
        const distance = (/** @type {Section} */ other) => Math.abs(this.#nearest(other, x).x - x);
        const [first, ...rest] = others;
        if (!first) return null;
        const other = rest.reduce(
            (best, each) => (distance(each) < distance(best) ? each : best), first);
        const start = way > 0
            ? 0 : Math.floor((other.count - 1) / other.columns) * other.columns;
        const index = Math.min(start + this.#nearest(other, x).column, other.count - 1);
        return { month: other.month, index };
    }

    /** The column of a month that is nearest to `x`. @param {Section} section @param {number} x */
    #nearest(section, x) {
        const step = this.#cell + gap;
        const column = Math.min(
            section.columns - 1, Math.max(0, Math.round((x - section.left) / step)));
        return { column, x: section.left + column * step };
    }
}

/**
 * Draws an asset on its tile; touches nothing when the tile shows it already.
 * @param {HTMLButtonElement} tile @param {Asset} asset
 */
function paint(tile, asset) {
    const state = `${asset.thumbnail ?? ""} ${asset.problem ?? ""} ${asset.favorite ?? ""}`
        + ` ${asset.takenAt} ${asset.duration ?? ""}`;
    if (tile.dataset.id === asset.id && tile.dataset.state === state) return;
    tile.dataset.id = asset.id;
    tile.dataset.state = state;
    tile.style.backgroundColor = asset.problem ? "" : averageColour(asset.thumbhash);
    const label = describe(asset);
    tile.title = asset.name;
    tile.classList.toggle("waiting", !asset.thumbnail && !asset.problem);
    tile.classList.toggle("broken", Boolean(asset.problem) && !asset.thumbnail);
    tile.replaceChildren();
    if (asset.thumbnail) {
        const image = element("img", { alt: label, decoding: "async", draggable: false });
        image.addEventListener("load", () => image.classList.add("here"));
        // Drawn again with the next change.
        image.addEventListener("error", () => { if (image.src) tile.dataset.state = ""; });
        image.src = thumbnailURL(asset);
        tile.append(image);
    } else {
        tile.append(element("span", { class: "visually-hidden" }, label));
        if (asset.problem) {
            tile.append(icon("damaged"), element("span", { class: "name" }, asset.name));
        }
    }
    if (asset.kind === "video") {
        const length = asset.duration ? clock(asset.duration) : "";
        tile.append(element("span", { class: "badge", "aria-hidden": "true" }, icon("play"), length));
    }
    if (asset.favorite) tile.append(icon("heart"));
}
