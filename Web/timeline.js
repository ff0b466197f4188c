// What the page knows of the timeline: counts of all months, and pieces of the months looked at.

import { api } from "./api.js";

/** @import { Asset, Month } from "./api.js" */

/** So many assets are asked for at once. */
const pieceCount = 200;
/** Pieces kept in memory; those not looked at for longest go first. */
const piecesMax = 60;

/** @typedef {{assets: Asset[], isStale: boolean, usedAt: number}} Piece */

export class Timeline extends EventTarget {
    /** @type {Month[]} newest first */
    months = [];
    zone = "";
    isKnown = false;

    /** @type {Map<string, Piece>} by month and place */
    #pieces = new Map();
    /** @type {Map<string, Promise<void>>} */
    #loading = new Map();
    /** Raised at each change, so that a reply from before it is known to be old. */
    #generation = 0;
    #uses = 0;

    get count() {
        return this.months.reduce((sum, month) => sum + month.count, 0);
    }

    /** Asks for the counts again; what was seen stays on screen until its news are here. */
    async refresh() {
        const { zone, months } = await api.months();
        this.zone = zone;
        this.months = months;
        this.isKnown = true;
        this.#generation += 1;
        for (const piece of this.#pieces.values()) piece.isStale = true;
        this.dispatchEvent(new Event("change"));
    }

    /**
     * The asset at `index` of a month, or `undefined` until its piece is here ("change" tells).
     * @param {string} month @param {number} index
     */
    peek(month, index) {
        const start = index - (index % pieceCount);
        const key = `${month}/${start}`;
        const piece = this.#pieces.get(key);
        if (piece) {
            this.#uses += 1;
            piece.usedAt = this.#uses;
        }
        if (!piece || piece.isStale) this.#load(month, start, key).catch(() => {});
        return piece?.assets[index - start];
    }

    /**
     * The same, waited for. `undefined` when the month has fewer.
     * @param {string} month @param {number} index
     */
    async get(month, index) {
        const start = index - (index % pieceCount);
        const key = `${month}/${start}`;
        if (!this.#pieces.has(key)) await this.#load(month, start, key);
        return this.#pieces.get(key)?.assets[index - start];
    }

    /** @param {string} month @param {number} start @param {string} key */
    #load(month, start, key) {
        const running = this.#loading.get(key);
        if (running) return running;
        const generation = this.#generation;
        const promise = (async () => {
            try {
                const { assets } = await api.assets(month, start, pieceCount);
                this.#uses += 1;
                const isStale = generation !== this.#generation;
                this.#pieces.set(key, { assets, isStale, usedAt: this.#uses });
                this.#forgetOldest();
            } finally {
                this.#loading.delete(key);
            }
            this.dispatchEvent(new Event("change"));
        })();
        this.#loading.set(key, promise);
        return promise;
    }

    #forgetOldest() {
        while (this.#pieces.size > piecesMax) {
            let oldest = "";
            let usedAt = Infinity;
            for (const [key, piece] of this.#pieces) {
                if (piece.usedAt < usedAt) [oldest, usedAt] = [key, piece.usedAt];
            }
            this.#pieces.delete(oldest);
        }
    }

    /**
     * The place `step` further on (towards older pictures when positive), across months.
     * @param {Place} place @param {number} step @returns {Place|null}
     */
    step(place, step) {
        let month = this.months.findIndex((entry) => entry.month === place.month);
        if (month < 0) return null;
        let index = place.index + step;
        while (index < 0) {
            month -= 1;
            if (month < 0) return null;
            index += this.months[month].count;
        }
        while (index >= this.months[month].count) {
            index -= this.months[month].count;
            month += 1;
            if (month >= this.months.length) return null;
        }
        return { month: this.months[month].month, index };
    }
}

/** @typedef {{month: string, index: number}} Place  an asset's place in the timeline */
