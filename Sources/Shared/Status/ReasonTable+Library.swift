// Reasons that concern a whole library.
extension ReasonTable {
    static let account: [ReasonRule] = [
        ReasonRule(
            .signedOut, .library, .stopsEverything, .attention,
            "This device is not signed in to a server.",
            clearsWhen: "you sign in", fix: "Run martlet login with your server's address."),
        ReasonRule(
            .signInNeeded, .library, .stopsEverything, .attention,
            "The server no longer accepts this device's sign-in: {cause}.",
            clearsWhen: "you sign in again",
            fix: "Run martlet login again: nothing on this device is removed."),
        ReasonRule(
            .otherAccount, .library, .stopsEverything, .attention,
            "The library belongs to account {libraryAccount}; this device is signed in as {account}.",
            clearsWhen: "this device is signed in to the library's account",
            fix: "Keep the libraries apart, or move this one over."),
        ReasonRule(
            .serviceOff, .library, .stopsEverything, .paused,
            "{title} is switched off on {devices}.",
            clearsWhen: "it is switched on here", fix: "Run martlet services on {service}."),
        ReasonRule(
            .appNotAllowed, .library, .stopsEverything, .attention,
            "{app} is switched off for this account on the server.",
            clearsWhen: "it is switched on there",
            fix: "Ask who runs the server to run martlet account services NAME {service} on."),
        ReasonRule(
            .agentNotRunning, .library, .stopsEverything, .attention,
            "No agent runs on this device; what waits: {items}.",
            clearsWhen: "it runs", fix: "Run martlet sync, or martlet service install."),
        ReasonRule(
            .notHeardFrom, .library, .stopsEverything, .attention,
            "The server has not heard from {device} since {time}.",
            clearsWhen: "the device calls again", fix: "Wake or start the device."),
        ReasonRule(
            .wasAsleep, .library, .informs, .upToDate,
            "This device slept from {from} to {until}.",
            clearsWhen: "what waited meanwhile is done",
            fix: "Keep it awake for large uploads.", byItself: true),
        ReasonRule(
            .backgroundNotAllowed, .library, .informs, .upToDate,
            "Martlet stops when {user} logs out of this device.",
            clearsWhen: "the user's services may go on after logout",
            fix: "Run loginctl enable-linger {user}."),
    ]

    static let network: [ReasonRule] = [
        ReasonRule(
            .offline, .library, .stopsEverything, .paused,
            "This device has no network: {cause}.",
            clearsWhen: "there is a route to the server", byItself: true),
        ReasonRule(
            .captivePortal, .library, .stopsEverything, .paused,
            "This network answers with a page of its own instead of {server}.",
            clearsWhen: "the network lets the server through",
            fix: "Open the network's sign-in page in a browser.", byItself: true),
        ReasonRule(
            .vpnOrProxy, .library, .stopsEverything, .paused,
            "{server} cannot be reached through {tunnel}.",
            clearsWhen: "the server answers", fix: "Exempt the server from it.", byItself: true),
        ReasonRule(
            .serverUnreachable, .library, .stopsEverything, .paused,
            "{server} does not answer: {cause}.",
            clearsWhen: "the server answers; next try {nextTry}",
            fix: "Check that the server runs, its address, and this network, in this order.",
            byItself: true),
        ReasonRule(
            .meteredNetwork, .library, .stopsLargeItems, .paused,
            "This network is metered: {waiting}.",
            clearsWhen: "another network is there",
            fix: "Run martlet sync --now, or allow metered networks with a daily limit.",
            byItself: true),
        ReasonRule(
            .outsideHours, .library, .stopsLargeItems, .waiting,
            "{items} over {size} wait for {from}, when they may be sent until {until}.",
            clearsWhen: "it is {from}", fix: "Run martlet sync --now.", byItself: true,
            isPatient: true),
        ReasonRule(
            .networkUnstable, .library, .informs, .upToDate,
            "{broken} of the last {requests} requests broke.",
            clearsWhen: "requests get through again",
            fix: "Use a steadier network; parts resume where they stopped.", byItself: true),
        ReasonRule(
            .slowUplink, .library, .informs, .upToDate,
            "At {rate} a second, what waits takes {duration}.",
            clearsWhen: "it is done, or the network is faster"),
    ]

    static let server: [ReasonRule] = [
        ReasonRule(
            .accountFull, .library, .stopsUploads, .attention,
            "The {owner} is full: {used} of {quota} are used.",
            clearsWhen: "space is freed or the quota is raised",
            fix: "Free space, largest items first; small changes go on meanwhile."),
        ReasonRule(
            .serverDown, .library, .stopsEverything, .paused,
            "The server is down: {cause}.",
            clearsWhen: "it is up again; next try {nextTry}", byItself: true),
        ReasonRule(
            .serverMaintenance, .library, .stopsEverything, .paused,
            "The server is under maintenance until {until}.",
            clearsWhen: "that has ended", byItself: true),
        ReasonRule(
            .serverStorageFull, .library, .stopsUploads, .paused,
            "The server's disk is full.",
            clearsWhen: "there is space on it", fix: "Tell the server's owner."),
        ReasonRule(
            .rateLimited, .library, .stopsEverything, .waiting,
            "The server asks this device to slow down.",
            clearsWhen: "the time that it asked for has passed; next try {nextTry}",
            byItself: true),
        ReasonRule(
            .serverRestored, .library, .informs, .updating,
            "The server was restored: lists are compared, and what it lacks is sent again.",
            clearsWhen: "the comparison is done", byItself: true),
        ReasonRule(
            .serverDegraded, .library, .informs, .upToDate,
            "{service} on the server {trouble}.",
            clearsWhen: "it has been well for 5 minutes", byItself: true),
        ReasonRule(
            .accountNearlyFull, .library, .informs, .upToDate,
            "{free} are left of {quota}{place}{forecast}.",
            clearsWhen: "space is freed or the quota is raised",
            fix: "Free space, largest items first."),
        ReasonRule(
            .serverClockSuspect, .library, .informs, .upToDate,
            "The server's clock jumped: deletions are not purged meanwhile.",
            clearsWhen: "its clock is right", fix: "Tell the server's owner."),
        ReasonRule(
            .leftZone, .both, .informs, .upToDate,
            "{name} is no longer shared with this account; files on this device stay.",
            clearsWhen: "it is shared again, or removed here"),
    ]
}
