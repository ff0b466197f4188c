// Elements, made without markup in strings: text from files can then never become markup.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>=} properties  `class`, `aria-…`, `role`, `for` as attributes,
 *   `on…` as listeners, everything else as properties
 * @param {...(Node|string|null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
    const result = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === undefined || value === null) continue;
        if (name.startsWith("on")) result.addEventListener(name.slice(2), value);
        else if (name === "class" || name === "role" || name === "for" || name.includes("-")) {
            result.setAttribute(name, value);
        } else Object.assign(result, { [name]: value });
    }
    for (const child of children) if (child !== null) result.append(child);
    return result;
}

/** The shapes that the page draws, as paths of a 24 by 24 field. */
const shapes = {
    close: "M6 6l12 12M18 6L6 18",
    previous: "M15 5l-7 7 7 7",
    next: "M9 5l7 7-7 7",
    download: "M12 4v11m-5-5l5 5 5-5M5 20h14",
    enlarge: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
    information: "M12 11v6M12 7.500v.1M12 3a9 9 0 100 18 9 9 0 000-18z",
    damaged: "M4 5h16v9l-4-3-4 4-4-3-4 4zM4 19l4-3 4 3 4-4 4 4v1H4z",
    play: "M8 5.500v13l10.500-6.500z",
    heart: "M12 19.500l-7-6.800a4.300 4.300 0 016-6.100l1 1 1-1a4.300 4.300 0 016 6.100z",
};

/** @param {keyof typeof shapes} name @returns {SVGElement} */
export function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", `icon icon-${name}`);
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", shapes[name]);
    svg.append(path);
    return svg;
}

/** Says something to people who don't see the page. @param {string} text */
export function announce(text) {
    const announcer = document.getElementById("announcer");
    if (announcer) announcer.textContent = text;
}

/** At most one call each `milliseconds`; the last one is never lost.
 * @param {() => void} action @param {number} milliseconds */
export function throttled(action, milliseconds) {
    /** @type {number|undefined} */
    let timer;
    let last = -Infinity;
    return () => {
        if (timer !== undefined) return;
        const wait = Math.max(0, last + milliseconds - performance.now());
        timer = window.setTimeout(() => {
            timer = undefined;
            last = performance.now();
            action();
        }, wait);
    };
}
