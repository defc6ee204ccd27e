# The official SDKs of Alibaba Cloud KMS against a small model of the cloud's rules: random label
# moves, every answer held against the model's, and the whole past asked again. Then signatures and
# nonces, over two instances too.

import os
import random
import re
import secrets
import subprocess
import threading
import xml.etree.ElementTree as ElementTree

import pytest
from kms import Kms, OldKms, Refused, clients, labels
from past import Past
from service import Service

CURRENT, PREVIOUS = "ACSCurrent", "ACSPrevious"
LABELS_MAX = 8


@pytest.fixture(scope="module")
def kms(service):
    """A project of Alibaba Cloud, for the tests of this file."""
    return service.project(provider="alibaba")


@pytest.fixture(scope="module")
def made(service, kms):
    """A credential that signs."""
    return service.make_credential(kms.id)


def register(project, name, *versions):
    """Makes a secret with versions, as an operator does: the cloud's call would carry a value."""
    assert project.post("/secrets", json={"name": name}).status_code == 201
    for version in versions:
        add(project, name, version)


def add(project, name, version, stages=None):
    body = {"version_id": version} | ({} if stages is None else {"stages": stages})
    path = f"/secrets/{name.replace('/', '%2F')}/versions"
    return project.post(path, json=body)


class Secret:
    """A generic secret as the cloud's documents describe it: versions, and labels on them."""

    def __init__(self):
        self.versions, self.labels = [], {}

    def put(self, labels):
        after = self.labels | labels
        if len(after) > LABELS_MAX:
            raise Refused(400, "Rejected.LimitExceeded", None)
        self.labels = after

    def add(self, version, stages):
        """A version comes: it is in use, and what was in use is the previous one; or as named."""
        if stages is None:
            labels = {CURRENT: version}
            if CURRENT in self.labels:
                labels[PREVIOUS] = self.labels[CURRENT]
        else:
            labels = {stage: version for stage in stages}
        self.put(labels)
        self.versions.append(version)

    def move(self, stage, to, source):
        is_builtin = stage in (CURRENT, PREVIOUS)
        if to is None and (source is None or is_builtin):
            raise Refused(400, "InvalidParameter", None)
        if source is not None and self.labels.get(stage) != source:
            if source not in self.versions:
                raise Refused(404, "Forbidden.ResourceNotFound", None)
            raise Refused(400, "Rejected.InvalidRequest", None)
        if to is None:
            del self.labels[stage]
            return
        if to not in self.versions:
            raise Refused(404, "Forbidden.ResourceNotFound", None)
        self.put({stage: to})


class Walk:
    """One random walk: each step asks the model and a client, and holds them together."""

    WORDS = [f"custom{number}" for number in range(9)] + ["Blue", "blue", "a.b-c_D", "9" * 64]
    SECRETS = ["db-password", "team/api+key=1.@_中文", "absent"]

    def __init__(self, service, project, made, seed):
        self.random, self.project = random.Random(seed), project
        self.clients, self.past = clients(service, made), Past(project)
        self.secrets = {name: Secret() for name in self.SECRETS[:-1]}
        self.refused, self.moved = {}, 0

    def labels(self):
        return {name: secret.labels for name, secret in self.secrets.items()}

    def begin(self):
        for name, secret in self.secrets.items():
            register(self.project, name)
            for version in ("v-1", "v 2*~+&=%é"):
                assert add(self.project, name, version).status_code == 201
                secret.add(version, None)
                self.past.note(self.labels())

    def version(self, secret):
        if self.random.random() < 0.06:
            return "nowhere"
        return self.random.choice(secret.versions if secret else ["v-1"])

    def step(self):
        name = self.random.choices(self.SECRETS, weights=[10, 10, 1])[0]
        if self.random.random() < 0.08 and name in self.secrets:
            self.add(name)
        else:
            self.move(name)
        self.past.note(self.labels())

    def add(self, name):
        secret = self.secrets[name]
        version = f"v-{len(secret.versions) + 1}"
        stages = None
        if self.random.random() < 0.5:
            stages = self.random.sample(self.WORDS + [CURRENT, PREVIOUS], self.random.randint(0, 3))
        try:
            secret.add(version, stages)
            expected = 201
        except Refused:
            expected = 409
        answer = add(self.project, name, version, stages)
        assert answer.status_code == expected, answer.text

    def move(self, name):
        secret = self.secrets.get(name)
        stage = self.random.choice(
            self.WORDS if self.random.random() < 0.75 else [CURRENT, PREVIOUS])
        kind = self.random.choices(["to", "both", "from", "none"], weights=[6, 4, 4, 0.4])[0]
        to = self.version(secret) if kind in ("to", "both") else None
        source = None
        if kind in ("both", "from"):
            held = secret.labels.get(stage) if secret else None
            source = held if held and self.random.random() < 0.7 else self.version(secret)
        parameters = {"SecretName": name, "VersionStage": stage}
        if self.random.random() < 0.2:
            parameters["SecretName"] = f"acs:kms:cn-hangzhou:1234567890123456:secret/{name}"
        if to is not None:
            parameters["MoveToVersion"] = to
        if source is not None:
            parameters["RemoveFromVersion"] = source
        expected = None
        try:
            if secret is None:
                raise Refused(404, "Forbidden.ResourceNotFound", None)
            secret.move(stage, to, source)
        except Refused as refusal:
            expected = (refusal.status, refusal.code)
        try:
            answer = self.random.choice(self.clients).call("UpdateSecretVersionStage", **parameters)
        except Refused as refusal:
            assert (refusal.status, refusal.code) == expected, (parameters, str(refusal))
            self.refused[expected[1]] = self.refused.get(expected[1], 0) + 1
            return
        assert expected is None, f"the service took what the cloud refuses: {parameters}"
        assert answer["SecretName"] == name
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer["RequestId"])
        self.moved += 1

    def check_present(self):
        for name, secret in self.secrets.items():
            for client in self.clients:
                assert labels(client, name) == (secret.labels, secret.versions)
                shown = client.call("ListSecretVersionIds", SecretName=name, PageSize=100)
                ids = [item["VersionId"] for item in shown["VersionIds"]["VersionId"]]
                held = set(secret.labels.values())
                assert ids == [version for version in secret.versions if version in held]


def test_random_moves_are_answered_as_the_cloud_answers_and_remembered(service):
    seed = int(os.environ.get("STAGELEDGER_TEST_SEED") or random.randrange(1 << 32))
    print(f"seed: STAGELEDGER_TEST_SEED={seed}")
    project = service.project(provider="alibaba")
    walk = Walk(service, project, service.make_credential(project.id), seed)
    walk.begin()
    for number in range(500):
        walk.step()
        if number % 100 == 99:
            walk.check_present()
    print(f"moved: {walk.moved}, refused: {walk.refused}")
    # Every rule was met at least once, or the walk shows less than it says.
    assert walk.moved > 100
    assert set(walk.refused) == {
        "InvalidParameter", "Forbidden.ResourceNotFound", "Rejected.InvalidRequest",
        "Rejected.LimitExceeded"}
    assert walk.past.check() > 300


def test_lists_and_descriptions(service, kms, made):
    names = [f"list/{number:02}" for number in range(12)]
    for name in names:
        register(kms, name, "v1")
    filters = '[{"Key": "SecretName", "Values": ["list/"]}]'
    for client in clients(service, made):
        found = []
        for number in (1, 2, 3):
            page = client.call("ListSecrets", Filters=filters, PageNumber=number, PageSize=5)
            assert (page["TotalCount"], page["PageNumber"], page["PageSize"]) == (12, number, 5)
            found += [item["SecretName"] for item in page["SecretList"]["Secret"]]
        assert found == names
        shown = client.call("DescribeSecret", SecretName=names[0])
        assert shown["SecretName"] == names[0]
        assert shown["SecretType"] == "Generic"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["CreateTime"])
        assert client.call("DescribeSecret", SecretName=shown["Arn"])["SecretName"] == names[0]
        for action in ("DescribeSecret", "ListSecretVersionIds"):
            with pytest.raises(Refused) as caught:
                client.call(action, SecretName="absent")
            assert (caught.value.status, caught.value.code) == (404, "Forbidden.ResourceNotFound")
            assert "Resource not found" in caught.value.message


def test_a_policy_and_a_key_of_another_cloud(service, kms):
    reader = service.make_credential(kms.id, "reader")
    other = service.make_credential(service.project().id)
    for client in clients(service, reader):
        assert client.call("ListSecrets")["PageNumber"] == 1
        with pytest.raises(Refused) as caught:
            client.call(
                "UpdateSecretVersionStage", SecretName="s", VersionStage="b", MoveToVersion="v")
        assert (caught.value.status, caught.value.code) == (403, "Forbidden.NoPermission")
    for client in clients(service, other):
        with pytest.raises(Refused) as caught:
            client.call("ListSecrets")
        assert (caught.value.status, caught.value.code) == (403, "Forbidden.KmsServiceNotEnabled")


def test_xml(service, kms, made):
    register(kms, "xml", "a<b>&\"'c", "v2")
    client = OldKms(service, made)
    moved = ElementTree.fromstring(client.xml(
        "UpdateSecretVersionStage", SecretName="xml", VersionStage="blue", MoveToVersion="v2"))
    assert moved.tag == "UpdateSecretVersionStageResponse"
    assert moved.findtext("SecretName") == "xml"
    listed = ElementTree.fromstring(client.xml("ListSecretVersionIds", SecretName="xml"))
    versions = {
        item.findtext("VersionId"): [stage.text for stage in item.iter("VersionStage")]
        for item in listed.findall("VersionIds/VersionId")}
    assert versions == {"a<b>&\"'c": ["ACSPrevious"], "v2": ["ACSCurrent", "blue"]}
    refused = ElementTree.fromstring(client.xml("DescribeSecret", SecretName="a<b>&"))
    assert refused.tag == "Error"
    assert refused.findtext("Code") == "InvalidParameter"
    assert refused.findtext("Message") == 'The specified parameter "SecretName" is not valid.'
    assert refused.findtext("HostId") == "127.0.0.1"


def test_a_wrong_secret_key(service, made):
    wrong = made | {"secret_key": made["secret_key"][::-1]}
    unknown = made | {"access_key": "SLAKAAAAAAAAAAAAAAAA"}
    for client, code in zip(
        clients(service, wrong),
        # The older client sees that both signed the same text, and says what that means.
        ["SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidAccessKeySecret"],
    ):
        with pytest.raises(Refused) as caught:
            client.call("ListSecrets")
        assert (caught.value.status, caught.value.code) == (400, code), str(caught.value)
    for client in clients(service, unknown):
        with pytest.raises(Refused) as caught:
            client.call("ListSecrets")
        assert (caught.value.status, caught.value.code) == (404, "InvalidAccessKeyId.NotFound")


def test_a_secret_value_is_refused_and_leaves_no_trace(service, kms, made):
    register(kms, "valued", "v1")
    wrong = made | {"secret_key": made["secret_key"][::-1]}
    canary = f"canary-{secrets.token_hex(8)}"
    for client in clients(service, made) + clients(service, wrong):
        with pytest.raises(Refused) as caught:
            client.call("PutSecretValue", SecretName="valued", VersionId="v2", SecretData=canary)
        assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")
        assert "never takes a secret value" in caught.value.message
        assert canary not in caught.value.message
    assert canary.encode() not in service.dump()
    assert canary.encode() not in service.written()
    assert labels(Kms(service, made), "valued") == ({CURRENT: "v1"}, ["v1"])


def at_once(calls):
    """What each call came to, all made at the same time: None, or the code of its refusal."""
    barrier, outcomes = threading.Barrier(len(calls)), []

    def run(call):
        barrier.wait()
        try:
            call()
            outcomes.append(None)
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


@pytest.mark.parametrize("kind", ["v3", "v2", "old"])
def test_of_eight_calls_with_one_nonce_one_is_taken(service, made, kind):
    def client():
        return OldKms(service, made) if kind == "old" else Kms(service, made, kind)

    for number in range(3):
        nonce = f"eight-{kind}-{number}"
        calls = [
            lambda one=client(): one.call("ListSecrets", nonce=nonce) for _ in range(8)]
        assert sorted(at_once(calls), key=str) == [None] + ["SignatureNonceUsed"] * 7


def test_two_instances_refuse_each_others_nonces(service, made):
    second = Service(service.folder)
    try:
        second.start()
        for number, (first_kind, second_kind) in enumerate(
            [(first, later) for first in range(3) for later in range(3)]
        ):
            nonce = f"instances-{number}"
            clients(service, made)[first_kind].call("ListSecrets", nonce=nonce)
            with pytest.raises(Refused) as caught:
                clients(second, made)[second_kind].call("ListSecrets", nonce=nonce)
            assert (caught.value.status, caught.value.code) == (400, "SignatureNonceUsed")
        for number in range(3):
            nonce = f"both-{number}"
            calls = [
                lambda one=Kms(place, made): one.call("ListSecrets", nonce=nonce)
                for place in (service, second) for _ in range(4)]
            assert sorted(at_once(calls), key=str) == [None] + ["SignatureNonceUsed"] * 7
    finally:
        second.process.terminate()
        try:
            second.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            second.process.kill()
