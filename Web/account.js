// The page at /account: what the account's storage is, and how each of its devices does.

import { ApiError, api } from "./api.js";
import { DevicesSection } from "./devices.js";
import { announce, element, throttled } from "./elements.js";
import { signInPage } from "./sign-in.js";
import { StorageSection } from "./storage.js";

const place = /** @type {HTMLElement} */ (document.getElementById("app"));
const title = document.title;

/** @param {string=} notice */
function showSignIn(notice) {
    document.title = "Sign in · Martlet";
    place.replaceChildren(signInPage({ notice, signedIn: showAccount }));
}

function showAccount() {
    document.title = title;
    const notice = element("p", { class: "notice", role: "alert", hidden: true });
    const loading = element("p", { class: "quiet" }, "One moment …");
    const storage = new StorageSection({
        ask: (plan) => change(() => api.askForPlan(plan), `Asked for ${plan}.`),
        withdraw: () => change(() => api.withdrawPlan(), "Nothing is asked for any more."),
    });
    const devices = new DevicesSection({
        signOut: (device) => change(
            () => api.signOut(device.id), `${device.name} is signed out.`),
    });
    const sections = element("div", { class: "sections", hidden: true }, storage.root, devices.root);
    place.replaceChildren(element(
        "div", { class: "account-page" },
        element(
            "header", {},
            element("img", { src: "/icon.svg", alt: "", width: 40, height: 40 }),
            element("h1", {}, "Account"),
            element(
                "nav", { "aria-label": "Martlet" },
                element("a", { href: "/" }, "Photos"),
                element("a", { href: "/status" }, "System status"))),
        element("main", {}, notice, loading, sections)));

    /** What was asked for stands behind it at once. @param {() => Promise<any>} action
     * @param {string} done */
    async function change(action, done) {
        try {
            await action();
            announce(done);
        } catch (error) {
            return failed(error);
        }
        await refresh();
    }

    /** @param {unknown} error */
    function failed(error) {
        if (error instanceof ApiError && error.status === 401) {
            window.clearInterval(timer);
            showSignIn("You have been signed out. Sign in again.");
            return;
        }
        notice.textContent = error instanceof Error ? error.message : String(error);
        notice.hidden = false;
    }

    async function refresh() {
        try {
            const [account, { devices: all }] = await Promise.all([api.storage(), api.devices()]);
            storage.show(account);
            devices.show(all, Date.now());
            notice.hidden = true;
            loading.hidden = true;
            sections.hidden = false;
        } catch (error) {
            failed(error);
        }
    }

    const refreshSoon = throttled(refresh, 2_000);
    const timer = window.setInterval(refreshSoon, 15_000);
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden && sections.isConnected) refreshSoon();
    });
    refreshSoon();
}

try {
    await api.devices();
    showAccount();
} catch (error) {
    const isUnknown = error instanceof ApiError && error.status === 401;
    showSignIn(isUnknown || !(error instanceof Error) ? undefined : error.message);
}
