"""An S3 store for tests: moto on a port of its own, with faults on demand.

Prints one line of JSON with its address, bucket and key, and ends when its input does: with the
process that started it, however that ends. Signatures are checked, by botocore's own code.

POST /__faults takes a list of rules, each for the requests whose address holds `contains`, at most
`count` of them after the first `skip`:

    {"kind": "error", "status": 503, "code": "SlowDown", "retryAfter": 2}
    {"kind": "garbage", "status": 404}      an answer that is none of S3's
    {"kind": "delay", "seconds": 1}
    {"kind": "cutBefore"}                   the connection ends before anything is done
    {"kind": "cutAfter"}                    it is done, and the connection ends before the answer
    {"kind": "truncate"}                    half of the answer's body, then the connection ends
"""

import io
import json
import logging
import os
import socket
import sys
import threading
import time

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
BUCKET = "martlet-tests"
REGION = "eu-central-1"


class Faults:
    def __init__(self, app):
        self.app = app
        self.rules = []
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/__faults":
            return self.change(environ, start_response)
        rule = self.take(environ)
        if rule is None:
            return self.app(environ, start_response)
        return getattr(self, rule["kind"])(rule, environ, start_response)

    def change(self, environ, start_response):
        with self.lock:
            self.rules = json.loads(self.body(environ))
        start_response("204 No Content", [])
        return []

    def take(self, environ):
        address = "%s %s?%s" % (
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ.get("QUERY_STRING", "").replace("%2F", "/"),
        )
        with self.lock:
            for rule in self.rules:
                if any(text not in address for text in rule["contains"]):
                    continue
                if rule.get("skip", 0) > 0:
                    rule["skip"] -= 1
                elif rule.get("count", 1) > 0:
                    rule["count"] = rule.get("count", 1) - 1
                    return rule
        return None

    @staticmethod
    def body(environ):
        return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))

    @staticmethod
    def cut(environ):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError

    def error(self, rule, environ, start_response):
        self.body(environ)
        text = "<Error><Code>%s</Code><Message>A fault of the test.</Message></Error>"
        headers = [("Content-Type", "application/xml")]
        if "retryAfter" in rule:
            headers.append(("Retry-After", str(rule["retryAfter"])))
        start_response("%d Fault" % rule["status"], headers)
        return [(text % rule.get("code", "InternalError")).encode()]

    def garbage(self, rule, environ, start_response):
        self.body(environ)
        start_response("%d Fault" % rule["status"], [("Content-Type", "text/html")])
        return [b"<html><body><p>Not what you think.<br></body>"]

    def delay(self, rule, environ, start_response):
        time.sleep(rule["seconds"])
        return self.app(environ, start_response)

    def cutBefore(self, rule, environ, start_response):
        self.cut(environ)

    def cutAfter(self, rule, environ, start_response):
        environ["wsgi.input"] = io.BytesIO(self.body(environ))
        for _ in self.app(environ, lambda *_: None):
            pass
        self.cut(environ)

    def truncate(self, rule, environ, start_response):
        kept = {}

        def keep(status, headers, *_):
            kept["status"], kept["headers"] = status, headers

        environ["wsgi.input"] = io.BytesIO(self.body(environ))
        whole = b"".join(self.app(environ, keep))
        start_response(kept["status"], kept["headers"])

        def half():
            yield whole[: len(whole) // 2]
            self.cut(environ)

        return half()


def main():
    app = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = "http://127.0.0.1:%d" % server.server_address[1]
    keys = dict(aws_access_key_id="setup", aws_secret_access_key="setup", region_name=REGION)
    iam = boto3.client("iam", endpoint_url=endpoint, **keys)
    iam.create_user(UserName="martlet")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    iam.put_user_policy(
        UserName="martlet", PolicyName="objects", PolicyDocument=json.dumps(policy)
    )
    key = iam.create_access_key(UserName="martlet")["AccessKey"]
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    place = {
        "endpoint": endpoint,
        "bucket": BUCKET,
        "region": REGION,
        "accessKey": key["AccessKeyId"],
        "secretKey": key["SecretAccessKey"],
    }
    print(json.dumps(place), flush=True)
    sys.stdin.read()


main()
