// The server's HTTP API, as far as this page uses it (Documentation/http-api.yaml).

const prefix = "/api/v1";
const protocol = "1";

/** An error that the server answered with, or one of the way to it (`code` is "unreachable"). */
export class ApiError extends Error {
    /**
     * @param {number} status  0 when no answer came
     * @param {string} code    stable, for programs
     * @param {string} message a sentence that says what to do
     */
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

/**
 * @typedef {object} Month
 * @property {string} month  such as "2019-05"
 * @property {number} count
 *
 * @typedef {object} Asset
 * @property {string} id
 * @property {string} name
 * @property {"image"|"video"|"live"|"motion"} kind
 * @property {string} takenAt    local time of the picture, RFC 3339 without or with its offset
 * @property {string} mediaType  of the original
 * @property {number} byteCount  of the original
 * @property {number=} width     as shown
 * @property {number=} height
 * @property {number=} duration  seconds
 * @property {boolean=} favorite
 * @property {string=} thumbhash base64
 * @property {string=} thumbnail digest; absent while there is none
 * @property {string=} preview   digest; absent while there is none
 * @property {string=} problem   why there will be no picture: "damagedFile"
 *
 * @typedef {object} Reason
 * @property {string} code
 * @property {string} message
 * @property {number} since       milliseconds since 1970
 * @property {string} clearsWhen
 * @property {string=} fix
 *
 * @typedef {object} Device
 * @property {string} id
 * @property {string} name
 * @property {boolean} isBrowser
 * @property {number} lastHeardAt
 * @property {?{state: string, reasons: Reason[],
 *   counts: Record<string, number>, secondsLeft?: number}} status
 * @property {?number} statusAt
 *
 * @typedef {object} Forecast
 * @property {number} fullAt       milliseconds since 1970
 * @property {number} byteCountPerDay
 * @property {number} days         measured ones that it follows from
 *
 * @typedef {object} PlanRequest
 * @property {string} plan
 * @property {"waiting"|"granted"|"declined"} state
 * @property {number} askedAt
 * @property {number=} answeredAt
 * @property {string=} message     from who runs the server
 *
 * @typedef {object} Storage
 * @property {number} usedByteCount      of all who share it
 * @property {?number=} quotaByteCount   absent: no limit
 * @property {("nearlyFull"|"full")=} warning
 * @property {{name: string, usedByteCount: number}[]} members
 * @property {string=} plan
 * @property {{name: string, byteCount?: ?number}[]} plans
 * @property {PlanRequest=} request      what was asked for last
 * @property {Forecast=} forecast
 * @property {number} measuredDays
 * @property {?number=} diskFreeByteCount
 * @property {Forecast=} diskForecast
 */

/**
 * @param {string} method
 * @param {string} path
 * @param {object=} body
 * @returns {Promise<any>} the reply's JSON; `null` for an empty one
 */
async function request(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { "Martlet-Protocol": protocol, Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
        response = await fetch(prefix + path, {
            method,
            headers,
            body: body ? JSON.stringify(body) : undefined,
            credentials: "same-origin",
        });
    } catch {
        throw new ApiError(0, "unreachable", "The server does not answer. Trying again soon.");
    }
    const text = await response.text();
    const json = parse(text);
    if (response.ok) return json;
    throw new ApiError(
        response.status,
        json?.code ?? "failed",
        json?.message ?? `The server answered ${response.status}. Try again later.`,
    );
}

/** @param {string} text */
function parse(text) {
    try {
        return text ? JSON.parse(text) : null;
    } catch {
        return null;
    }
}

export const api = {
    /** @param {string} device @param {string} account @param {string} password */
    signIn: (device, account, password) =>
        request("PUT", `/sessions/${device}`, {
            account, password, deviceName: browserName(), isBrowser: true,
        }),
    /** @param {string} device */
    signOut: (device) => request("DELETE", `/sessions/${device}`),
    /** @returns {Promise<{devices: Device[]}>} */
    devices: () => request("GET", "/devices"),
    /** @returns {Promise<Storage>} */
    storage: () => request("GET", "/storage"),
    /** @param {string} plan @returns {Promise<PlanRequest>} */
    askForPlan: (plan) => request("PUT", "/storage/request", { plan }),
    withdrawPlan: () => request("DELETE", "/storage/request"),
    /** @returns {Promise<{zone: string, months: Month[]}>} */
    months: () => request("GET", "/photos/months"),
    /** @returns {Promise<{assets: Asset[]}>} */
    assets: (/** @type {string} */ month, /** @type {number} */ offset, /** @type {number} */ limit) =>
        request("GET", `/photos/timeline?month=${month}&offset=${offset}&limit=${limit}`),
    /** @returns {Promise<Record<string, any>>} everything known of one asset */
    asset: (/** @type {string} */ id) => request("GET", `/photos/${id}`),
    /** @returns {Promise<{assets: number, waiting: number, damaged: number}>} */
    progress: () => request("GET", "/photos/progress"),
    events: () => new EventSource(`${prefix}/events`),
};

/** Digests in the addresses let the browser keep pictures for good. @param {Asset} asset */
export const thumbnailURL = (asset) =>
    `${prefix}/photos/${asset.id}/thumbnail?digest=${asset.thumbnail}`;

/** @param {Asset} asset */
export const previewURL = (asset) =>
    `${prefix}/photos/${asset.id}/preview?digest=${asset.preview}`;

/** @param {Asset} asset @param {boolean=} asDownload */
export const originalURL = (asset, asDownload) =>
    `${prefix}/photos/${asset.id}/original${asDownload ? "?download=1" : ""}`;

/** What the list of devices calls this browser. */
function browserName() {
    const agent = navigator.userAgent;
    /** @type {(pairs: [string, string][], otherwise: string) => string} */
    const find = (pairs, otherwise) =>
        pairs.find(([mark]) => agent.includes(mark))?.[1] ?? otherwise;
    const browser = find(
        [["Firefox/", "Firefox"], ["Edg/", "Edge"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]],
        "Browser",
    );
    const system = find(
        [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Mac OS", "Mac"],
            ["Windows", "Windows"], ["Linux", "Linux"]],
        "a computer",
    );
    return `${browser} on ${system}`;
}
