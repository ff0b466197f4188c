// Decides which page is shown: the sign-in, or the library.

import { ApiError, api } from "./api.js";
import { libraryPage } from "./library.js";
import { deviceID, signInPage } from "./sign-in.js";

const place = /** @type {HTMLElement} */ (document.getElementById("app"));
/** @type {ReturnType<typeof libraryPage>|null} */
let library = null;

/** @param {string=} notice */
function showSignIn(notice) {
    library?.close();
    library = null;
    document.title = "Sign in · Martlet";
    place.replaceChildren(signInPage({ notice, signedIn: showLibrary }));
}

function showLibrary() {
    if (library) return;
    document.title = "Photos · Martlet";
    library = libraryPage({
        signOut,
        signedOut: () => showSignIn("You have been signed out. Sign in again."),
    });
    place.replaceChildren(library.root);
}

async function signOut() {
    try {
        await api.signOut(deviceID());
    } catch (error) {
        // Whoever wants to leave this machine must know that the server has not heard of it.
        if (!(error instanceof ApiError) || error.status !== 401) {
            window.alert("The server does not answer: you are still signed in. Try again.");
            return;
        }
    }
    showSignIn();
}

try {
    await api.months();
    showLibrary();
} catch (error) {
    const isUnknown = error instanceof ApiError && error.status === 401;
    showSignIn(isUnknown || !(error instanceof Error) ? undefined : error.message);
}
