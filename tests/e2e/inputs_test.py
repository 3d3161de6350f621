#!/usr/bin/env python3
"""How profiles come in: from servers, standard input, pipes, several at once; and what is not
one, is too large, or says that it is larger than it is."""

import base64
import gzip
import http.server
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest
import urllib.request
import zlib

import e2e

GO_PROFILES = [os.path.join(e2e.ROOT, f"tests/data/go/leaky-1.26.{i}.pb.gz") for i in (1, 2)]
HEAP = "/debug/pprof/heap"
MIB = 1 << 20


def contents(path):
    with open(path, "rb") as file:
        return file.read()


# --- a profile, byte by byte


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def message(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def number(field, value):
    return varint(field << 3) + varint(value)


def packed(field, values):
    return message(field, b"".join(varint(v) for v in values))


def sample(locations, values):
    return message(2, packed(1, locations) + packed(2, values))


def profile(samples, locations):
    """`samples` is bytes; `locations` are ids, each of a function of the same id."""
    strings = ["", "space", "bytes"] + [f"f{i}" for i in range(len(locations))]
    out = [message(1, number(1, 1) + number(2, 2)), samples]
    for i, location in enumerate(locations):
        out.append(message(4, number(1, location) + message(4, number(1, location))))
        out.append(message(5, number(1, location) + number(2, 3 + i)))
    out += [message(6, s.encode()) for s in strings]
    return b"".join(out)


# --- servers


class Server:
    """Answers as `answer(handler)` says, on threads."""

    def __init__(self, case, answer, certificate=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_port
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        case.addCleanup(self.server.server_close)
        case.addCleanup(self.server.shutdown)


def reply(handler, status, body=b"", **headers):
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Case(e2e.Case):
    def run_tidemark(self, *arguments, **options):
        return self.run_plain([e2e.TIDEMARK, *arguments], **options)

    def refused(self, status, words, *arguments, **options):
        """Exit status and the one line of stderr."""
        result = self.run_tidemark(*arguments, **options)
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        self.assertEqual(result.stdout, b"", arguments)
        line = result.stderr.decode()
        self.assertRegex(line, "^tidemark: [^\n]*\n$")
        self.assertIn(words, line)
        return line

    def write_bytes(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def measured(self, *arguments):
        """stdout, stderr, exit status and peak memory in MiB."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen([e2e.TIDEMARK, *arguments], stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return texts[0], texts[1], process.returncode, usage.ru_maxrss // 1024


class Urls(Case):
    def go_server(self):
        program = self.path("heap_server")
        subprocess.run(["go", "build", "-o", program,
                        os.path.join(e2e.ROOT, "tests/targets/heap_server.go")], check=True,
                       env=dict(os.environ, GO111MODULE="off", GOFLAGS=""), timeout=200)
        process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, process)
        return f"http://127.0.0.1:{int(process.stdout.readline())}"

    def test_go_server(self):
        url = self.go_server()
        with urllib.request.urlopen(url + HEAP) as answer:
            body = self.write_bytes("body.pb.gz", answer.read())

        def rows(text):
            lines = [line.split() for line in text.splitlines()]
            return lines[lines.index(["flat", "flat%", "sum%", "cum", "cum%"]):]

        for index in ("inuse_space", "alloc_objects"):
            theirs = subprocess.run(
                ["go", "tool", "pprof", "-symbolize=none", "-top", f"-sample_index={index}", body],
                check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
            ours = self.tidemark("top", "--symbolize", "none", "--sample-index", index, url + HEAP)
            self.assertEqual(rows(ours), rows(theirs))
            self.assertIn("main.fill", ours)
        # Without a scheme, and without a path: a heap profiler's is the heap. The two answers
        # may be of two seconds, which their headers tell.
        self.assertEqual(rows(self.tidemark("top", url.removeprefix("http://"))),
                         rows(self.tidemark("top", url + HEAP)))
        # A time span: what the server does within it, and it says how long that was.
        for arguments in (["--seconds", "1", url + HEAP], [url + HEAP + "?seconds=1"]):
            self.assertIn("Duration: 1", self.tidemark("top", *arguments))
        self.refused(4, "must be a positive integer", "top", url + HEAP + "?seconds=x")
        self.refused(3, "404 Not Found: 404 page not found", "top", url + "/no/such/path")

    def test_answers(self):
        good = contents(GO_PROFILES[0])
        seen = []

        def answer(handler):
            seen.append(handler.headers.get("Authorization"))
            path = handler.path
            if path == "/good":
                reply(handler, 200, good)
            elif path == "/relative":
                reply(handler, 302, Location="good")
            elif path == "/elsewhere":
                reply(handler, 307, Location=f"http://localhost:{server.port}/good")
            elif path == "/loop":
                reply(handler, 301, Location="/loop")
            elif path == "/away":
                reply(handler, 302, Location="ftp://somewhere/else")
            elif path == "/page":
                reply(handler, 500, b"<html>no</html>", Content_Type="text/html")
            elif path == "/text":
                reply(handler, 503, b"busy\x1b[31m now\nand more", Content_Type="text/plain")
            elif path == "/forbidden":
                reply(handler, 403)
            elif path == "/cut":
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(good)))
                handler.end_headers()
                handler.wfile.write(good[:100])
            elif path == "/nothing":
                reply(handler, 200)
            elif path == "/slow":
                handler.send_response(200)
                handler.end_headers()
                try:
                    while not done.wait(0.2):
                        handler.wfile.write(b"x")
                except OSError:
                    pass

        done = threading.Event()
        self.addCleanup(done.set)
        server = Server(self, answer)
        expected = self.tidemark("top", GO_PROFILES[0])
        for path in ("/good", "/relative", "/elsewhere"):
            self.assertEqual(self.tidemark("top", server.url + path), expected)
        for path, status, words in (
                ("/loop", 4, "redirected more than"), ("/away", 4, "no http URL"),
                ("/page", 4, "500 Internal Server Error (where"), ("/text", 4, "503"),
                ("/forbidden", 4, "403"), ("/cut", 4, "broke off"), ("/nothing", 3, "empty file")):
            line = self.refused(status, words, "top", server.url + path)
            self.assertNotIn("\x1b", line)
        self.refused(4, "no answer within", "top", "--timeout", "1", server.url + "/slow")

        # Credentials are sent, but not to other hosts, and never printed.
        del seen[:]
        secret = f"http://me:s3cret@127.0.0.1:{server.port}"
        self.tidemark("top", secret + "/relative")
        self.assertEqual(seen, ["Basic " + base64.b64encode(b"me:s3cret").decode()] * 2)
        del seen[:]
        self.tidemark("top", secret + "/elsewhere")
        self.assertEqual(seen[1:], [None])
        for path in ("/forbidden?token=s3cret", "/nothing", "/page"):
            result = self.run_tidemark("top", secret + path)
            self.assertNotIn(b"s3cret", result.stderr + result.stdout)
        self.refused(4, "cannot connect", "top", "http://127.0.0.1:1/x")

    def test_tls(self):
        certificate = self.path("server.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", self.path("key"), "-out", self.path("cert")],
                       check=True, stderr=subprocess.DEVNULL)
        self.write_bytes("server.pem",
                         contents(self.path("key")) + contents(self.path("cert")))
        good = contents(GO_PROFILES[0])
        server = Server(self, lambda handler: reply(handler, 200, good), certificate)
        self.refused(4, "does not verify", "top", server.url + "/x")
        expected = self.tidemark("top", GO_PROFILES[0])
        self.assertEqual(self.tidemark("top", server.url.replace("https", "https+insecure")),
                         expected)
        trusting = self.run_tidemark("top", server.url, env={"SSL_CERT_FILE": self.path("cert")})
        self.assertEqual(trusting.stdout.decode(), expected, trusting.stderr)

    def test_all_at_once(self):
        bodies = [contents(path) for path in GO_PROFILES]
        both_asked = threading.Barrier(2, timeout=60)

        def answer(handler):
            both_asked.wait()
            reply(handler, 200, bodies[int(handler.path[1])])

        server = Server(self, answer)
        urls = [server.url + "/0", server.url + "/1"]
        self.assertEqual(self.tidemark("top", *urls), self.tidemark("top", *GO_PROFILES))
        self.assertEqual(self.tidemark("diff", *urls), self.tidemark("diff", *GO_PROFILES))
        self.assertEqual(self.tidemark("top", "--base", *urls),
                         self.tidemark("top", "--base", *GO_PROFILES))


class Files(Case):
    def test_several(self):
        missing = self.path("missing.pb.gz")
        whole = self.tidemark("top", *GO_PROFILES)
        result = self.run_tidemark("top", GO_PROFILES[0], missing, GO_PROFILES[1])
        self.assertEqual((result.returncode, result.stdout.decode()), (0, whole))
        self.assertRegex(result.stderr.decode(), "^tidemark: warning: left out: [^\n]*missing.pb.gz"
                                                 "[^\n]*\n$")
        self.refused(3, missing, "top", missing, missing + "2")
        self.refused(3, missing, "diff", GO_PROFILES[0], missing)
        with open(GO_PROFILES[0], "rb") as first:
            mixed = self.run_tidemark("top", "-", GO_PROFILES[1], stdin=first)
        self.assertEqual(mixed.stdout.decode(), whole, mixed.stderr)
        self.refused(2, "only once", "top", "-", "-")
        self.refused(2, "only once", "diff", "-", "-")

    def test_what_is_no_profile(self):
        self.refused(3, "directory", "top", self.folder)
        self.refused(3, "empty file", "top", "/dev/null")
        self.refused(3, "empty file", "top", "-", stdin=subprocess.DEVNULL)
        two = gzip.decompress(contents(GO_PROFILES[0]))
        self.refused(3, "one behind the other", "top", self.write_bytes("two.pb", two + two))
        self.refused(3, "truncated", "top",
                     self.write_bytes("cut.gz", contents(GO_PROFILES[0])[:-5]))
        secret = self.write_bytes("secret.pb.gz", contents(GO_PROFILES[0]))
        os.chmod(secret, 0)
        command = [e2e.TIDEMARK, "top", secret]
        if os.geteuid() == 0:  # root reads everything, but for what it gave up
            os.chown(secret, 65534, 65534)
            command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
        result = self.run_plain(command)
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertRegex(result.stderr.decode(), "^tidemark: [^\n]*Permission denied[^\n]*\n$")

    def test_pipes(self):
        expected = self.tidemark("top", GO_PROFILES[0])
        pipe = self.path("pipe")
        os.mkfifo(pipe)

        def feed(data):
            def write():
                with open(pipe, "wb") as file:
                    file.write(data)
            thread = threading.Thread(target=write)
            thread.start()
            self.addCleanup(thread.join)

        data = contents(GO_PROFILES[0])
        feed(data)
        self.assertEqual(self.tidemark("top", pipe), expected)
        feed(data[:300])  # its writer died
        self.refused(3, "truncated", "top", pipe)
        directory = self.path("directory")
        os.mkdir(directory)
        shutil.copy(GO_PROFILES[0], os.path.join(directory, "1.pb.gz"))
        os.mkfifo(os.path.join(directory, "2.pb.gz"))  # that nobody writes to
        result = self.run_plain([e2e.TIDEMARK, "leaks", directory], timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"left out: a pipe, socket or device (where: ", result.stderr)
        recording = os.path.join(e2e.ROOT, "tests/data/heaptrack/sqlite3.zst")
        feed(contents(recording))
        self.assertEqual(self.tidemark("top", pipe), self.tidemark("top", recording))

    def test_damaged(self):
        """What tests/corrupt does in process, for a sample of it by the whole program."""
        data = contents(GO_PROFILES[0])
        recording = contents(os.path.join(e2e.ROOT, "tests/data/heaptrack/cart.gz"))
        for original in (data, gzip.decompress(data), recording, gzip.decompress(recording)):
            for i in range(0, len(original), len(original) // 12):
                damaged = original[:i] + bytes([original[i] ^ 0xff]) + original[i + 1:]
                for candidate in (damaged, original[:i]):
                    result = self.run_tidemark("top", "--symbolize", "none",
                                               self.write_bytes("damaged", candidate))
                    self.assertIn(result.returncode, (0, 3), (i, result.stderr))
                    if result.returncode == 3:
                        self.assertRegex(result.stderr.decode(), "^tidemark: [^\n]*\n$")
                        self.assertEqual(result.stdout, b"")


class Limits(Case):
    MOST_MIB = 1500

    def refused_within_memory(self, words, path):
        out, err, status, peak = self.measured("top", path)
        self.assertEqual((out, status), ("", 3), err)
        self.assertRegex(err, "^tidemark: [^\n]*" + words + "[^\n]*\n$")
        self.assertLess(peak, self.MOST_MIB)

    def test_bombs(self):
        squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(squeeze.compress(bytes(MIB)) for _ in range(400)) + squeeze.flush()
        self.assertLess(len(bomb), MIB)
        self.refused_within_memory("inflates to more than", self.write_bytes("bomb.gz", bomb))
        # A zstd frame of blocks that repeat one byte: 4 bytes for 128 KiB.
        header = b"\x28\xb5\x2f\xfd\x00\x38"
        block, last = ((131072 << 3 | 2 | is_last).to_bytes(3, "little") + b"\0"
                       for is_last in (0, 1))
        bomb = header + block * 4000 + last
        self.refused_within_memory("inflates to more than", self.write_bytes("bomb.zst", bomb))
        # A recording that says the same thing a million times.
        text = b"v 10400 3\n" + b"a 8 0\n" * (8 * MIB)
        self.refused_within_memory("which no recording of",
                                   self.write_bytes("bomb2.gz", gzip.compress(text, 9)))

    def test_numbers(self):
        most = (1 << 64) - 1
        fine = self.write_bytes("most.pb", profile(sample([most], [7]), [most]))
        self.assertIn("f0", self.tidemark("top", fine))
        for name, words, data in (
                ("dangling", "does not exist", profile(sample([8], [7]), [1])),
                ("varint", "longer than 64 bits", b"\x48" + b"\xff" * 11 + b"\x01"),
                ("length", "", b"\x0a" + b"\xff" * 9 + b"\x01"),
                ("strings", "string_table", message(6, b"x") * 3)):
            self.refused_within_memory(words, self.write_bytes(name, data))
        many = profile(sample([1], [7]), [1]) + message(6, b"") * (4 * MIB)
        out, err, status, peak = self.measured("top", self.write_bytes("strings.pb", many))
        self.assertEqual(status, 0, err)
        self.assertIn("f0", out)
        self.assertLess(peak, self.MOST_MIB)

    def test_deep_stacks(self):
        for depth in (500, 100000):
            ids = list(range(1, 11))
            stack = (ids * (depth // 10))[:depth]
            path = self.write_bytes("deep.pb", profile(sample(stack, [7]), ids))
            out, err, status, peak = self.measured("top", path)
            self.assertEqual(status, 0, err)
            self.assertRegex(out, r"7B +100% +100% +7B +100% +f0")
            self.assertLess(peak, self.MOST_MIB)

    def test_ten_million_samples(self):
        ids = list(range(1, 1001))
        block = b"".join(sample([ids[i % 1000], ids[i // 1000 % 1000], ids[i // 7 % 1000]], [i])
                         for i in range(100000))
        path = self.write_bytes("many.pb", profile(block * 100, ids))
        out, err, status, peak = self.measured("top", "--format", "json", path)
        self.assertEqual(status, 0, err)
        self.assertIn(f'"total":{100 * sum(range(100000))}', out.replace(" ", ""))
        print(f"10,000,000 samples in {os.path.getsize(path) // MIB} MiB: {peak} MiB")
        self.assertLess(peak, self.MOST_MIB)


if __name__ == "__main__":
    unittest.main()
