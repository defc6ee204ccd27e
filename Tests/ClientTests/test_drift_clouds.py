# Drift, planted and mended on each cloud: a second instance plays Huawei Cloud and Alibaba Cloud,
# moto plays AWS. The ledger asks each as it would ask the real one, signed with an access key.

import json
import os
import secrets
import threading
import uuid
from urllib.parse import quote

import boto3
import pytest
from moto.secretsmanager import secretsmanager_backends
from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.models import SecretsManagerBackend
from moto.server import ThreadedMotoServer
from service import Service

REGION = "eu-west-1"
CURRENT = {"huawei": "SYSCURRENT", "alibaba": "ACSCurrent", "aws": "AWSCURRENT"}


@pytest.fixture(scope="module")
def ledger():
    """A ledger of its own: `reconcile` without a project takes all there are."""
    yield from running()


@pytest.fixture(scope="module")
def live():
    """The instance that plays a live cloud."""
    yield from running()


def running():
    service = Service()
    try:
        service.start()
        yield service
        service.stop()
    finally:
        service.remove()


@pytest.fixture(scope="module")
def moto_url():
    """A server of moto's, mended where it is wrong about a secret that is not there.

    `ListSecretVersionIds` of such a secret is a KeyError in moto (status 500), and AWS's
    ResourceNotFoundException: without that, a secret that is gone could not be seen to be.
    """
    plain = SecretsManagerBackend.list_secret_version_ids

    def mended(self, secret_id, **options):
        if secret_id not in self.secrets:
            raise SecretNotFoundException()
        return plain(self, secret_id, **options)

    SecretsManagerBackend.list_secret_version_ids = mended
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()
        SecretsManagerBackend.list_secret_version_ids = plain


def register(project, name):
    answer = project.post("/secrets", json={"name": name})
    assert answer.status_code in (200, 201), answer.text


def add_version(project, name, version, stages=None):
    body = {"version_id": version} | ({} if stages is None else {"stages": stages})
    answer = project.post(f"/secrets/{quote(name, safe='')}/versions", json=body)
    assert answer.status_code == 201, answer.text


def put_stage(project, name, stage, version):
    answer = project.put(
        f"/secrets/{quote(name, safe='')}/stages/{stage}", json={"version_id": version})
    assert answer.status_code in (200, 201), answer.text


def take_stage(project, name, stage):
    answer = project.delete(f"/secrets/{quote(name, safe='')}/stages/{stage}")
    assert answer.status_code == 201, answer.text


class Instance:
    """A cloud that a second instance plays; what it cannot forget, only the ledger is told of."""

    def __init__(self, ledger, live, provider):
        self.project = live.project(provider=provider)
        keys = live.make_credential(self.project.id, policy="reader")
        self.versions = [f"v{number}" for number in range(1, 5)]
        self.options = upstream(
            ledger, live.url, keys["access_key"], keys["secret_key"],
            "--upstream-project", self.project.id)

    def secret(self, name, versions):
        register(self.project, name)
        for version in versions:
            add_version(self.project, name, version)

    def move(self, name, stage, version, before):
        put_stage(self.project, name, stage, version)

    def take(self, name, stage, before):
        take_stage(self.project, name, stage)

    def lose_version(self, tell_ledger, name, version):
        tell_ledger()

    def regain_version(self, name, version):
        add_version(self.project, name, version, [])

    def lose_secret(self, tell_ledger, name, versions):
        tell_ledger()

    regain_secret = secret


class Aws:
    """AWS, played by moto.

    moto forgets no version, so one is taken out of its memory. A move always names the version a
    label leaves: without, moto puts it on two versions where AWS refuses (providers 3.8).
    """

    def __init__(self, ledger, moto_url):
        self.manager = boto3.client(
            "secretsmanager", region_name=REGION, endpoint_url=moto_url,
            aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="x")
        self.kept = secretsmanager_backends["123456789012"][REGION].secrets
        self.versions = [str(uuid.uuid4()) for _ in range(4)]
        self.options = upstream(
            ledger, moto_url, "AKIAEXAMPLE", "secret/key+EXAMPLE", "--upstream-region", REGION)

    def secret(self, name, versions):
        first, *others = versions
        self.manager.create_secret(Name=name, SecretString="x", ClientRequestToken=first)
        for version in others:
            self.manager.put_secret_value(
                SecretId=name, SecretString="x", ClientRequestToken=version)

    def move(self, name, stage, version, before):
        leaves = {"RemoveFromVersionId": before} if before else {}
        self.manager.update_secret_version_stage(
            SecretId=name, VersionStage=stage, MoveToVersionId=version, **leaves)

    def take(self, name, stage, before):
        self.manager.update_secret_version_stage(
            SecretId=name, VersionStage=stage, RemoveFromVersionId=before)

    def lose_version(self, tell_ledger, name, version):
        self.manager.put_secret_value(
            SecretId=name, SecretString="x", ClientRequestToken=version, VersionStages=["gone"])
        tell_ledger()
        self.lost = self.kept[name].versions.pop(version)

    def regain_version(self, name, version):
        self.kept[name].versions[version] = self.lost | {"version_stages": []}

    def lose_secret(self, tell_ledger, name, versions):
        self.secret(name, versions)
        tell_ledger()
        self.manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    regain_secret = secret


def upstream(ledger, url, access_key, secret_key, *options):
    """The options that name a cloud; the secret key is in a file nobody else reads."""
    path = ledger.folder / f"key-{secrets.token_hex(4)}"
    path.touch(mode=0o600)
    path.write_text(secret_key + "\n")
    return [
        "--upstream-mode", "read", "--upstream-url", url, "--upstream-access-key", access_key,
        "--upstream-secret-key-file", str(path), *options]


def reconcile(ledger, project, status):
    return json.loads(ledger.run(
        "reconcile", "--project", project.id, "-o", "json", status=status))


def seen(report, state):
    return sorted(
        (finding["kind"], finding["secret"], finding["stage"], finding["ledger_version"],
         finding["cloud_version"])
        for finding in report["findings"] if finding["state"] == state)


@pytest.mark.parametrize("provider", ["huawei", "alibaba", "aws"])
def test_every_kind_is_found_once_and_resolved_when_mended(request, ledger, provider):
    if provider == "aws":
        cloud = Aws(ledger, request.getfixturevalue("moto_url"))
    else:
        cloud = Instance(ledger, request.getfixturevalue("live"), provider)
    project = ledger.project(*cloud.options, provider=provider)
    one, two, three, four = cloud.versions
    current = CURRENT[provider]

    def record(name, versions=(one, two, three)):
        register(project, name)
        for version in versions:
            add_version(project, name, version)

    names = ["elsewhere", "missing", "extra", "version-gone"]
    for name in names:
        record(name)
        cloud.secret(name, [one, two, three])
    for name in ("elsewhere", "missing"):
        put_stage(project, name, "canary", one)
        cloud.move(name, "canary", one, before=None)
    clean = reconcile(ledger, project, status=0)
    assert clean["findings"] == [] and clean["scope"]["secrets"] == 4

    cloud.move("elsewhere", "canary", two, before=one)
    cloud.take("missing", "canary", before=one)
    cloud.move("extra", "stray", three, before=None)
    cloud.lose_version(
        lambda: add_version(project, "version-gone", four, []), "version-gone", four)
    cloud.lose_secret(lambda: record("secret-gone"), "secret-gone", [one, two, three])
    cloud.secret("unrecorded", [one])
    planted = sorted([
        ("label_elsewhere", "elsewhere", "canary", one, two),
        ("label_missing", "missing", "canary", one, None),
        ("label_extra", "extra", "stray", None, three),
        ("version_gone", "version-gone", None, four, None),
        ("secret_gone", "secret-gone", None, None, None),
        ("secret_unrecorded", "unrecorded", None, None, None),
    ])
    found = reconcile(ledger, project, status=2)
    assert seen(found, "open") == planted
    assert found["unobservable"] == []
    again = reconcile(ledger, project, status=2)
    assert seen(again, "open") == planted
    assert {f["id"] for f in again["findings"]} == {f["id"] for f in found["findings"]}

    cloud.move("elsewhere", "canary", one, before=two)
    cloud.move("missing", "canary", one, before=None)
    cloud.take("extra", "stray", before=three)
    cloud.regain_version("version-gone", four)
    cloud.regain_secret("secret-gone", [one, two, three])
    record("unrecorded", [one])
    mended = reconcile(ledger, project, status=0)
    assert seen(mended, "resolved") == planted
    assert seen(mended, "open") == []

    events = project.get("/events", params={"limit": 1_000}).json()["events"]
    opened = [event for event in events if event["type"] == "drift.opened"]
    assert len(opened) == len(planted), "each is found once"
    assert len([event for event in events if event["type"] == "drift.resolved"]) == len(planted)
    assert current in {event["stage"] for event in events}


@pytest.mark.parametrize("provider", ["huawei", "alibaba"])
def test_labels_that_move_all_the_time_are_no_drift(ledger, live, provider):
    cloud = Instance(ledger, live, provider)
    project = ledger.project(*cloud.options, provider=provider)
    for name in ("a", "b"):
        register(project, name)
        cloud.secret(name, cloud.versions)
        for version in cloud.versions:
            add_version(project, name, version)
    ends, moves, wrong = threading.Event(), [], []

    def mover():
        """Moves a label in the ledger, and in the cloud at once."""
        try:
            while not ends.is_set():
                name, version = secrets.choice("ab"), secrets.choice(cloud.versions)
                for stage in (CURRENT[provider], "canary"):
                    put_stage(project, name, stage, version)
                    put_stage(cloud.project, name, stage, version)
                    moves.append((name, stage, version))
        except Exception as error:
            wrong.append(error)

    thread = threading.Thread(target=mover)
    thread.start()
    try:
        for _ in range(3):
            report = json.loads(reconcile_under_way(ledger, project))
            assert report["findings"] == [], report
    finally:
        ends.set()
        thread.join()
    assert not wrong and len(moves) > 20
    assert reconcile(ledger, project, status=0)["findings"] == []


def reconcile_under_way(ledger, project):
    """One run, which may find that something does not settle, and must find no drift."""
    try:
        return ledger.run("reconcile", "--project", project.id, "-o", "json", status=0)
    except AssertionError:
        return ledger.run("reconcile", "--project", project.id, "-o", "json", status=3)


def test_a_cloud_that_is_not_there_stops_no_other_project(live):
    for ledger in running():
        path = ledger.folder / "key"
        path.touch(mode=0o600)
        path.write_text("x")
        nowhere = [
            "--upstream-mode", "read", "--upstream-url", "http://127.0.0.1:9",
            "--upstream-access-key", "AK", "--upstream-secret-key-file", str(path)]
        ledger.project(*nowhere, provider="alibaba")
        assert ledger.run("reconcile", "-o", "json", status=1).strip() == "[]"
        cloud = Instance(ledger, live, "alibaba")
        cloud.secret("db", cloud.versions)
        there = ledger.project(*cloud.options, provider="alibaba")
        register(there, "db")
        for version in cloud.versions:
            add_version(there, "db", version)
        output = ledger.run("reconcile", "-o", "json", status=3)
        assert f'"project":"{there.id}"' in output
        cloud.move("db", "stray", "v1", before=None)
        assert '"label_extra"' in ledger.run("reconcile", "-o", "json", status=2)


def test_a_secret_key_others_can_read_is_refused_and_told_nobody(ledger, live):
    cloud = Instance(ledger, live, "huawei")
    project = ledger.project(*cloud.options)
    path = cloud.options[cloud.options.index("--upstream-secret-key-file") + 1]
    key = open(path).read().strip()
    shown = ledger.run("project", "show", project.id, "-o", "json")
    assert path in shown and key not in shown
    assert key.encode() not in ledger.dump() + ledger.written()
    with pytest.raises(AssertionError) as refused:
        os.chmod(path, 0o644)
        ledger.run("reconcile", "--project", project.id, status=0)
    assert "can be read by others; `chmod 600` it" in str(refused.value)
    assert key not in str(refused.value)
