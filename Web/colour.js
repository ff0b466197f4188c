// The average colour that a ThumbHash (evanw.github.io/thumbhash) begins with: what a tile shows
// before its thumbnail is here. The first 24 bits hold lightness (6), two colour axes (6 each).

/** @param {string|undefined} base64 @returns {string} a CSS colour, or "" */
export function averageColour(base64) {
    if (!base64) return "";
    let text;
    try {
        text = atob(base64);
    } catch {
        return "";
    }
    if (text.length < 3) return "";
    const header = text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16);
    const lightness = (header & 63) / 63;
    const yellowBlue = ((header >> 6) & 63) / 31.5 - 1;
    const redGreen = ((header >> 12) & 63) / 31.5 - 1;
    const blue = lightness - (2 / 3) * yellowBlue;
    const red = (3 * lightness - blue + redGreen) / 2;
    const green = red - redGreen;
    const channel = (/** @type {number} */ value) =>
        Math.round(255 * Math.min(1, Math.max(0, value)));
    return `rgb(${channel(red)} ${channel(green)} ${channel(blue)})`;
}
