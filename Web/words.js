// Dates, sizes and counts in words. A picture's time is shown as it was where it was taken.

/** @import { Asset, Device } from "./api.js" */

const language = "en-GB";
const monthFormat = new Intl.DateTimeFormat(language, {
    month: "long", year: "numeric", timeZone: "UTC",
});
const shortMonthFormat = new Intl.DateTimeFormat(language, {
    month: "short", year: "numeric", timeZone: "UTC",
});
const momentFormat = new Intl.DateTimeFormat(language, {
    day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit",
    timeZone: "UTC",
});
const dayFormat = new Intl.DateTimeFormat(language, {
    day: "numeric", month: "long", year: "numeric",
});
const timeFormat = new Intl.DateTimeFormat(language, {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});
const numberFormat = new Intl.NumberFormat(language);

/** @param {string} month such as "2019-05" @param {boolean=} isShort */
export const monthName = (month, isShort) =>
    (isShort ? shortMonthFormat : monthFormat).format(new Date(`${month}-01T00:00:00Z`));

/** @param {string} takenAt */
export function moment(takenAt) {
    const date = new Date(`${takenAt.slice(0, 19)}Z`);
    return Number.isNaN(date.getTime()) ? "" : momentFormat.format(date);
}

/** A day here. @param {number} milliseconds since 1970 */
export const day = (milliseconds) => dayFormat.format(new Date(milliseconds));

/** A minute here. @param {number} milliseconds since 1970 */
export const time = (milliseconds) => timeFormat.format(new Date(milliseconds));

/** @param {number} count @param {string} one @param {string=} many */
export const counted = (count, one, many = `${one}s`) =>
    `${numberFormat.format(count)} ${count === 1 ? one : many}`;

/** @param {number} seconds */
export function clock(seconds) {
    // A film of half a second is not one of none.
    const whole = Math.max(1, Math.round(seconds));
    const rest = String(whole % 60).padStart(2, "0");
    const minutes = Math.floor(whole / 60);
    return minutes < 60
        ? `${minutes}:${rest}`
        : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** @param {number} count */
export function bytes(count) {
    const units = ["bytes", "kB", "MB", "GB", "TB"];
    let step = 0;
    let value = count;
    while (value >= 1000 && step < units.length - 1) {
        value /= 1000;
        step += 1;
    }
    return `${step > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/** The words for a picture that cannot be seen. @param {Asset} asset */
export function describe(asset) {
    const what = { image: "Photo", video: "Video", live: "Live Photo", motion: "Motion photo" };
    const when = moment(asset.takenAt);
    const parts = [asset.favorite ? "Favorite" : "", what[asset.kind] ?? "Picture", when];
    const text = parts.filter(Boolean).join(", ");
    return asset.problem ? `${asset.name}: damaged file, ${text}` : text;
}

/** Longer than this without a word: what a device said of itself may be long over. */
const silenceMilliseconds = 15 * 60_000;

/** One line on one device. @param {Device} device @param {number} now milliseconds */
export const deviceLine = (device, now) => `${device.name}: ${deviceState(device, now).text}`;

/**
 * What a device is doing, in words, and how much it matters.
 * @param {Device} device @param {number} now milliseconds
 * @returns {{text: string, kind: "good"|"waiting"|"problem"}}
 */
export function deviceState(device, now) {
    const status = device.status;
    if (!status) return { text: "signed in", kind: "good" };
    const counts = status.counts;
    const left = (counts.onlyHere ?? 0) + (counts.uploading ?? 0);
    const coming = (counts.onlyInCloud ?? 0) + (counts.downloading ?? 0);
    const silent = now - device.lastHeardAt;
    if (silent > silenceMilliseconds) {
        return { text: `last heard ${ago(silent)} ago`, kind: "waiting" };
    }
    switch (status.state) {
        case "upToDate": return { text: "synced", kind: "good" };
        case "updating": return { text: "looking for changes", kind: "good" };
        case "uploading": return { text: `uploading ${counted(left, "item")}`, kind: "good" };
        case "downloading":
            return { text: `downloading ${counted(coming, "item")}`, kind: "good" };
        case "syncing": return { text: "syncing", kind: "good" };
        default:
            return {
                text: status.reasons[0]?.message ?? status.state,
                kind: status.state === "attention" ? "problem" : "waiting",
            };
    }
}

/** @param {number} milliseconds */
export function ago(milliseconds) {
    const minutes = Math.round(milliseconds / 60_000);
    if (minutes < 120) return counted(minutes, "minute");
    const hours = Math.round(minutes / 60);
    return hours < 48 ? counted(hours, "hour") : counted(Math.round(hours / 24), "day");
}
