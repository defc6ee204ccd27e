# The program under test: started as a user starts it, asked as a client asks it, stopped as an
# init system stops it.
#
# Used by `conftest` and the tests about starting and stopping. Nothing of the program is imported:
# everything goes through its command line, its sockets and its files.

import glob
import json
import os
import pathlib
import queue
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

TOP = pathlib.Path(__file__).resolve().parents[2]


def binary():
    """The program: the one named in the environment, else the last one built."""
    named = os.environ.get("STAGELEDGER_BINARY")
    if named:
        return pathlib.Path(named).resolve()
    for configuration in ("release", "debug"):
        path = TOP / ".build" / configuration / "stageledger"
        if path.exists():
            return path
    raise RuntimeError("no program is built: run `swift build`, or set STAGELEDGER_BINARY")


def environment():
    """Our environment, without settings of the program: it refuses names it does not know."""
    return {k: v for k, v in os.environ.items() if not k.startswith("STAGELEDGER_")}


@dataclass
class Project:
    """A project of a running service, with a token that may do everything in it."""

    service: "Service"
    id: str
    token: str

    def url(self, path=""):
        """An address of the ledger's own API."""
        return f"{self.service.url}/ledger/v1/{self.id}{path}"

    def csms(self, path=""):
        """An address of the cloud's API."""
        return f"{self.service.url}/v1/{self.id}{path}"

    def request(self, method, url, **options):
        headers = {"X-Auth-Token": self.token} | (options.pop("headers", None) or {})
        return requests.request(method, url, headers=headers, timeout=30, **options)

    def get(self, path, **options):
        return self.request("GET", self.url(path), **options)

    def post(self, path, **options):
        return self.request("POST", self.url(path), **options)

    def put(self, path, **options):
        return self.request("PUT", self.url(path), **options)

    def delete(self, path, **options):
        return self.request("DELETE", self.url(path), **options)


class Service:
    """A service on a folder of its own, with the private database in it."""

    def __init__(self, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="stageledger-clients-"))
        # The database's user must be able to pass, or its data would be kept elsewhere.
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process = None
        self.url = None
        self.lines = []

    def start(self):
        """Starts the program and waits until it says where it listens."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                env=environment())
        said = queue.Queue()
        self.lines = []

        def read(stream):
            for line in stream:
                self.lines.append(line)
                said.put(line)
            said.put(None)

        self.reader = threading.Thread(target=read, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        try:
            line = said.get(timeout=120)
        except queue.Empty:
            line = None
        address = re.search(r"http://\S+", line or "")
        if not address:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the service did not start: {line!r}\n{self.log.read_text()}")
        self.url = address.group(0)
        return self

    @property
    def address(self):
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def stop(self, meanwhile=lambda: None):
        """Asks the program to end, and holds it to ending well and leaving nobody behind."""
        server = self.database_process()
        assert server is not None and is_alive(server), "the database ran until now"
        self.process.send_signal(signal.SIGTERM)
        meanwhile()
        status = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        assert status == 0, f"ended with {status}:\n{self.log.read_text()[-4000:]}"
        assert len(self.lines) == 1, f"one line on standard output: {self.lines!r}"
        assert not is_alive(server), "the database outlived the program"
        assert self.database_processes() == []

    def kill(self):
        """Ends the program as a power cut would, and waits until its database is gone too."""
        server = self.database_process()
        self.process.kill()
        self.process.wait()
        self.reader.join(timeout=10)
        wait_until(lambda: not is_alive(server) and not self.database_processes(), seconds=60)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments, status=0):
        """Runs another command of the program on the same folder; answers what it printed."""
        done = subprocess.run(
            [binary(), *arguments, "--data-dir", self.data], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, env=environment())
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def make_credential(self, project, policy="admin", name=None):
        """Makes a credential; answers all that was printed of it."""
        name = name or f"client-{secrets.token_hex(4)}"
        text = self.run("credential", "create", name, "--project", project, "--policy", policy)
        return json.loads(text)

    def credential(self, project, policy="admin", name=None):
        """Makes a credential; answers its token."""
        return self.make_credential(project, policy, name)["token"]

    def project(self, *options, provider="huawei"):
        """Makes a project as Huawei Cloud would name it, and a token for it."""
        project = secrets.token_hex(16)
        self.run("project", "create", project, "--provider", provider, *options)
        return Project(self, project, self.credential(project))

    def database_folder(self):
        return (self.data / "postgres" / "data").resolve()

    def database_process(self):
        """The id of the database's first process, as its own file has it; None without one."""
        try:
            text = (self.database_folder() / "postmaster.pid").read_text()
        except OSError:
            return None
        first = text.partition("\n")[0]
        return int(first) if first.isdigit() else None

    def database_processes(self):
        """Every process that works in the database's folder."""
        folder = str(self.database_folder())
        found = []
        for entry in glob.glob("/proc/[0-9]*/cwd"):
            try:
                where = os.readlink(entry)
            except OSError:
                continue
            if where.split(" (deleted)")[0].startswith(folder):
                found.append(int(entry.split("/")[2]))
        return found

    def dump(self):
        """Everything the database holds, as text, by PostgreSQL's own program."""
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/pg_dump"))
        program = programs[-1] if programs else "pg_dump"
        socket = (self.database_folder() / "postmaster.pid").read_text().splitlines()[4]
        user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [program, "--host", socket, "--username", "postgres", "--inserts", "stageledger"],
            capture_output=True, timeout=120, cwd="/", check=True, **user)
        return done.stdout

    def written(self):
        """Every log the program and its database keep, together."""
        logs = [self.log, *self.data.rglob("*.log")]
        return b"".join(path.read_bytes() for path in logs)


def is_alive(process):
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until(holds, seconds):
    """Waits for a condition, for so long at most."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.02)
