// How full the account is, who shares it, when it will be full, and which plans there are.

import { element } from "./elements.js";
import { bytes, counted, day } from "./words.js";

/** @import { Storage, Forecast, PlanRequest } from "./api.js" */

export class StorageSection {
    /** @param {{ask: (plan: string) => Promise<void>, withdraw: () => Promise<void>}} actions */
    constructor(actions) {
        this.actions = actions;
        this.heading = element("h2", { id: "storage-title", tabIndex: -1 }, "Storage");
        this.content = element("div", { class: "content" });
        this.root = element(
            "section", { "aria-labelledby": "storage-title" }, this.heading, this.content);
        /** What is shown, so that nothing moves while nothing changes. */
        this.shown = "";
    }

    /** @param {Storage} storage */
    show(storage) {
        const shown = JSON.stringify(storage);
        if (shown === this.shown) return;
        const hadFocus = this.content.contains(document.activeElement);
        this.shown = shown;
        const children = [
            ...use(storage), members(storage), forecasts(storage),
            storage.request ? this.request(storage.request) : null, this.plans(storage),
        ];
        this.content.replaceChildren(...children.filter((child) => child !== null));
        // The button that was pressed is gone: the keys go on from here.
        if (hadFocus) this.heading.focus();
    }

    /** @param {PlanRequest} request */
    request(request) {
        const said = request.message ? element("p", {}, `“${request.message}”`) : null;
        if (request.state !== "waiting") {
            const answered = request.answeredAt ? ` on ${day(request.answeredAt)}` : "";
            return element(
                "div", { class: `answer ${request.state}` },
                element("p", {}, `The plan ${request.plan} was ${request.state}${answered}.`),
                said);
        }
        return element(
            "div", { class: "answer" },
            element(
                "p", {},
                `You asked for the plan ${request.plan} on ${day(request.askedAt)}. Who runs the `
                    + "server has not answered yet."),
            element(
                "button", {
                    type: "button", class: "plain-button",
                    onclick: (/** @type {Event} */ event) => press(event, this.actions.withdraw),
                }, "Take it back"));
    }

    /** @param {Storage} storage */
    plans(storage) {
        if (storage.plans.length === 0) return null;
        const waiting = storage.request?.state === "waiting" ? storage.request.plan : null;
        const rows = storage.plans.map((plan) => {
            const size = plan.byteCount === undefined || plan.byteCount === null
                ? "no limit" : bytes(plan.byteCount);
            const mark = plan.name === storage.plan ? "what you have"
                : plan.name === waiting ? "asked for" : null;
            return element(
                "li", {},
                element("span", {}, element("strong", {}, plan.name), ` ${size}`),
                mark ? element("span", { class: "quiet" }, mark) : element(
                    "button", {
                        type: "button", class: "plain-button",
                        "aria-label": `Ask for the plan ${plan.name}, ${size}`,
                        onclick: (/** @type {Event} */ event) =>
                            press(event, () => this.actions.ask(plan.name)),
                    }, "Ask for it"));
        });
        return element(
            "div", {}, element("h3", {}, "Plans"), element("ul", { class: "plans" }, ...rows));
    }
}

/** One press is one question. The button keeps the focus, which a disabled one would lose.
 * @param {Event} event @param {() => Promise<void>} action */
async function press(event, action) {
    const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    await action();
    button.ariaDisabled = null;
}

/** @param {Storage} storage */
function use(storage) {
    const used = bytes(storage.usedByteCount);
    const plan = storage.plan ? ` Your plan is ${storage.plan}.` : "";
    const quota = storage.quotaByteCount;
    if (quota === undefined || quota === null) {
        return [element("p", { class: "use" }, `${used} used, without a limit.${plan}`)];
    }
    const share = quota > 0 ? Math.min(1, storage.usedByteCount / quota) : 1;
    const left = bytes(Math.max(0, quota - storage.usedByteCount));
    const text = `${used} of ${bytes(quota)} used, ${left} left.`;
    const filled = element("span", {});
    filled.style.width = `${(share * 100).toFixed(1)}%`;
    const words = {
        full: "It is full: nothing more is taken in until something goes, or there is more space.",
        nearlyFull: "It is nearly full.",
    };
    return [
        element("p", { class: "use" }, text + plan),
        element(
            "div", {
                class: `meter ${storage.warning ?? ""}`, role: "meter", "aria-label": "Storage used",
                "aria-valuemin": "0", "aria-valuemax": "100",
                "aria-valuenow": String(Math.round(share * 100)), "aria-valuetext": text,
            }, filled),
        ...storage.warning ? [element("p", { class: "warning" }, words[storage.warning])] : [],
    ];
}

/** @param {Storage} storage */
function members(storage) {
    if (storage.members.length < 2) return null;
    const rows = storage.members.map((member) => element(
        "tr", {}, element("th", { scope: "row" }, member.name),
        element("td", {}, bytes(member.usedByteCount))));
    return element(
        "div", {}, element("h3", {}, "Who shares it"),
        element("table", { class: "members" }, element("tbody", {}, ...rows)),
        element("p", { class: "quiet" }, "What several of you have counts once."));
}

/** @param {Storage} storage */
function forecasts(storage) {
    /** @type {HTMLElement[]} */
    const lines = [];
    if (storage.forecast) {
        lines.push(element("p", {}, `It will be full about ${rate(storage.forecast)}.`));
    } else if (storage.quotaByteCount) {
        lines.push(element(
            "p", { class: "quiet" },
            storage.measuredDays < 7
                ? `When it will be full can be said after a week or so: ${
                    counted(storage.measuredDays, "day")} measured.`
                : "At the rate of the last weeks it will not be full for a long time."));
    }
    if (storage.diskFreeByteCount !== undefined && storage.diskFreeByteCount !== null) {
        const filling = storage.diskForecast
            ? `; it will be full about ${rate(storage.diskForecast)}` : "";
        lines.push(element(
            "p", {}, `The server's disk has ${bytes(storage.diskFreeByteCount)} free${filling}.`));
    }
    return lines.length === 0
        ? null : element("div", {}, element("h3", {}, "When it will be full"), ...lines);
}

/** @param {Forecast} forecast */
const rate = (forecast) =>
    `${day(forecast.fullAt)} if it goes on at ${bytes(forecast.byteCountPerDay)} a day, as in `
        + `${counted(forecast.days, "day")} that were measured`;
