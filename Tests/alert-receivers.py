"""What takes alerts, for tests: a mail server (aiosmtpd) with and without TLS, and HTTP receivers.

Prints one line of JSON with its ports and the certificate to trust, and ends when its input does:
with the process that started it, however that ends.

GET  /__received   everything that was taken, oldest first: {"via", "headers", "body"}
POST /__mode       {"http": MODE, "smtp": MODE}, either may be absent
                   ok      takes everything
                   fail    500, or 451 to each recipient
                   refuse  400, or 550 to each recipient
                   slow    answers after 5 s
POST /             as a ntfy server does: JSON with a topic, of at most 4,096 bytes of message;
                   topic "locked" needs the token tk_right
POST /…            a webhook
"""

import asyncio
import email
import email.policy
import json
import logging
import socket
import ssl
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
lock = threading.Lock()
received = []
modes = {"http": "ok", "smtp": "ok"}


def take(via, headers, body):
    with lock:
        received.append({"via": via, "headers": headers, "body": body})


class MailHandler:
    def __init__(self, via):
        self.via = via

    async def handle_RCPT(self, server, session, envelope, address, options):
        if modes["smtp"] == "slow":
            await asyncio.sleep(5)
        if modes["smtp"] == "fail":
            return "451 4.3.0 Come again\x07 later"
        if modes["smtp"] == "refuse":
            return "550 5.1.1 Nobody of that name here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        headers = [[name, str(value)] for name, value in message.items()]
        headers.append(["Envelope-From", envelope.mail_from])
        headers += [["Envelope-To", address] for address in envelope.rcpt_tos]
        headers.append(["Defects", str(len(message.defects))])
        take(self.via, headers, message.get_content())
        return "250 Taken"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"anna", "ein Paßwort".encode())
    return AuthResult(success=good, handled=False)


class HTTP(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, value=None):
        body = json.dumps(value if value is not None else {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with lock:
            self.answer(200 if self.path == "/__received" else 404, list(received))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/__mode":
            modes.update(json.loads(body))
            return self.answer(200)
        if modes["http"] == "slow":
            time.sleep(5)
        if modes["http"] in ("fail", "refuse"):
            return self.answer(500 if modes["http"] == "fail" else 400)
        if self.path == "/":
            return self.ntfy(body)
        take("webhook", [list(item) for item in self.headers.items()], body.decode())
        self.answer(204)

    def ntfy(self, body):
        try:
            message = json.loads(body)
        except ValueError:
            return self.answer(400)
        topic = message.get("topic", "")
        if not topic or len(message.get("message", "").encode()) > 4096:
            return self.answer(400)
        if topic == "locked" and self.headers.get("Authorization") != "Bearer tk_right":
            return self.answer(403)
        take("ntfy", [list(item) for item in self.headers.items()], body.decode())
        self.answer(200, {"id": "x", "event": "message", "topic": topic})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    ports = {}
    signed_in = {"auth_required": True, "authenticator": authenticate}
    mails = {
        "starttls": dict(tls_context=tls, require_starttls=True, **signed_in),
        "tls": dict(ssl_context=tls, auth_require_tls=False, **signed_in),
        "plain": {},
    }
    controllers = []
    for name, options in mails.items():
        ports[name] = free_port()
        controller = Controller(
            MailHandler(name), hostname="127.0.0.1", port=ports[name], **options
        )
        controller.start()
        controllers.append(controller)
    for name in ("http", "https"):
        server = ThreadingHTTPServer(("127.0.0.1", 0), HTTP)
        server.daemon_threads = True
        if name == "https":
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        ports[name] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    # Accepts, and never says a word.
    mute = socket.socket()
    mute.bind(("127.0.0.1", 0))
    mute.listen(16)
    ports["mute"] = mute.getsockname()[1]
    ports["nobody"] = free_port()
    trust = authority.cert_pem.bytes().decode()
    print(json.dumps({"ports": ports, "trust": trust}), flush=True)
    sys.stdin.read()


main()
