#!/usr/bin/env python3
"""redis-server (jemalloc beneath it) under redis-benchmark."""

import os
import re
import subprocess

import e2e
import pprof_file

RATE = 32768


class Redis(e2e.Case):
    def start(self, prefix, environment):
        self.socket = self.path("redis.sock")
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        command = ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
                   "--enable-debug-command", "yes", "--dir", self.folder]
        server = subprocess.Popen(prefix + command, env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(self.stop, server)
        self.wait_for(lambda: server.poll() is not None or os.path.exists(self.socket), "redis")
        return server

    def client(self, commands):
        return subprocess.run(["redis-cli", "-s", self.socket], input=commands, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def session(self, prefix, environment, snapshot=None):
        """(exit code, replies, log without times and PIDs) of one server's life."""
        server = self.start(prefix, environment)
        replies = self.client("".join(
            f"set key:{i} {'v' * (i % 300)}\nrpush list:{i % 50} {i}\nhset hash:{i % 70} f{i} {i}\n"
            for i in range(3000)) + "debug digest\ndbsize\nlrange list:7 0 -1\n")
        load = subprocess.run(["redis-benchmark", "-s", self.socket, "-q", "-n", "30000", "-r",
                               "20000", "-d", "200", "-t", "set,get,lpush,hset,sadd"],
                              stdout=subprocess.DEVNULL, timeout=100)
        self.assertEqual(load.returncode, 0)
        if snapshot:
            snapshot(server)
        self.client("shutdown nosave\n")
        out, err = server.communicate(timeout=60)
        log = re.sub(rb"^\d+:([A-Z]) \d.*? \d\d:\d\d:\d\d\.\d+ ", rb"\1 ", out, flags=re.MULTILINE)
        log = re.sub(rb"pid=\d+|PID: \d+", b"pid", log)
        return server.returncode, replies, log, err

    def test_redis(self):
        plain = self.session([], os.environ)

        snapshots = []
        preloaded = self.session(
            [], self.environment(RATE),
            lambda server: snapshots.append(self.snapshot(server, "running.pb.gz")))
        self.assertEqual(preloaded, plain)
        self.check_everything(self.profiles("redis-server")[0], "redis, at exit", "addresses")
        self.check_everything(pprof_file.Profile(snapshots[0]), "redis, snapshot", "functions")
        self.clear_profiles()

        recorded = self.session([e2e.TIDEMARK, "record", "-o", self.out, "--rate", str(RATE),
                                 "--"], dict(os.environ))
        self.assertEqual(recorded[:3], plain[:3])
        self.check_everything(self.profiles("redis-server")[0], "redis, recorded", "functions")


if __name__ == "__main__":
    e2e.main()
