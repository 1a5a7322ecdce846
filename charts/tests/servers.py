"""Servers and processes of the tests that run what a chart renders: an S3 server on loopback, and what is asked of it."""

import datetime
import hashlib
import hmac
import http.client
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import chart

KEY, SECRET, REGION, BUCKET = "emp-cost-test", "emp-cost-test-secret", "us-east-1", "bucket"
# How long something may take before it counts as never; nothing waits longer than it must.
PATIENCE = 180


def until(what, condition):
    """Asks until the answer is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None, ""


class S3:
    """What a person with the keys sees in the bucket: signed requests, no client library."""

    def __init__(self, port):
        self.host = f"127.0.0.1:{port}"

    def get(self, key, query=""):
        """(status, headers, body) of an object, or of the bucket where the key is empty."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        path = "/" + BUCKET + ("/" + urllib.parse.quote(key, safe="/-_.~") if key else "")
        empty = hashlib.sha256(b"").hexdigest()
        headers = f"host:{self.host}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n"
        names = "host;x-amz-content-sha256;x-amz-date"
        request = "\n".join(["GET", path, query, headers, names, empty])
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
        key_bytes = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key_bytes = hmac.new(key_bytes, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key_bytes, text.encode(), hashlib.sha256).hexdigest()
        authorization = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
        connection = http.client.HTTPConnection(self.host, timeout=30)
        sent = {"x-amz-content-sha256": empty, "x-amz-date": now, "Authorization": authorization}
        connection.request("GET", path + (f"?{query}" if query else ""), headers=sent)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def keys(self):
        _, _, body = self.get("", "list-type=2")
        return re.findall(r"<Key>(.*?)</Key>", body.decode())


class Servers:
    """What a class of tests starts in `setUpClass`, with a `stack` of what ends it and a `folder`."""

    @classmethod
    def process(cls, *words, **options):
        """A process that is ended, by its own handle, with the tests."""
        process = subprocess.Popen([str(word) for word in words], **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()

        cls.stack.callback(end)
        return process

    @classmethod
    def start_s3(cls):
        cls.s3_port = free_port()
        data = cls.folder / "s3"
        (data / BUCKET).mkdir(parents=True)
        env = {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "HOME": str(cls.folder)}
        cls.process(
            chart.program("minio"), "server", "--quiet", "--address", f"127.0.0.1:{cls.s3_port}",
            "--console-address", "127.0.0.1:0", data, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        cls.s3 = S3(cls.s3_port)
        until("S3 answers", lambda: status(f"http://127.0.0.1:{cls.s3_port}/minio/health/live")[0] == 200)
