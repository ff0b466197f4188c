// The page of somebody who is not signed in.

import { ApiError, api } from "./api.js";
import { element } from "./elements.js";

const deviceKey = "martlet.device";
const accountKey = "martlet.account";

/** This browser's id, made once and kept: signing in again is the same device. */
export function deviceID() {
    let id = localStorage.getItem(deviceKey);
    if (!id || !/^[0-9a-f]{32}$/.test(id)) {
        id = newID();
        localStorage.setItem(deviceKey, id);
    }
    return id;
}

function newID() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {unknown} error */
function sentence(error) {
    if (!(error instanceof ApiError)) return "Something went wrong. Try again.";
    if (error.status === 401) return "Name or password is wrong. Try again.";
    return error.message;
}

/** @param {string} account @param {string} password */
async function signIn(account, password) {
    try {
        await api.signIn(deviceID(), account, password);
    } catch (error) {
        // An id that belongs to another account of this browser: this account gets its own.
        if (!(error instanceof ApiError) || error.status === 401 || error.status === 0
            || error.status === 429 || error.status >= 500) throw error;
        localStorage.setItem(deviceKey, newID());
        await api.signIn(deviceID(), account, password);
    }
    localStorage.setItem(accountKey, account);
}

/**
 * @param {{notice?: string, signedIn: () => void}} options
 * @returns {HTMLElement}
 */
export function signInPage({ notice, signedIn }) {
    const problem = element("p", { class: "problem", role: "alert" });
    const account = element("input", {
        id: "account", name: "username", autocomplete: "username", required: true,
        autocapitalize: "none", spellcheck: false, value: localStorage.getItem(accountKey) ?? "",
    });
    const password = element("input", {
        id: "password", name: "password", type: "password", autocomplete: "current-password",
        required: true,
    });
    const button = element("button", { type: "submit", class: "primary" }, "Sign in");
    problem.textContent = notice ?? "";

    const form = element(
        "form",
        {
            class: "sign-in",
            onsubmit: async (/** @type {SubmitEvent} */ event) => {
                event.preventDefault();
                button.disabled = true;
                problem.textContent = "";
                try {
                    await signIn(account.value.trim(), password.value);
                    signedIn();
                } catch (error) {
                    problem.textContent = sentence(error);
                    password.select();
                    password.focus();
                } finally {
                    button.disabled = false;
                }
            },
        },
        element("img", { src: "/icon.svg", alt: "", class: "mark", width: 64, height: 64 }),
        element("h1", {}, "Martlet"),
        element("p", { class: "quiet" }, "Your pictures, in your own cloud."),
        element("label", { for: "account" }, "Name"),
        account,
        element("label", { for: "password" }, "Password"),
        password,
        problem,
        button,
    );
    queueMicrotask(() => (account.value ? password : account).focus());
    return element("main", { class: "sign-in-page" }, form);
}
