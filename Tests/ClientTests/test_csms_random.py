# Random label moves through the official SDK against a small model of Huawei Cloud's rules, and the
# whole past asked again.
#
# The model is written from the cloud's documents and not from the service: what it answers is held
# against what the service answers, call by call.

import os
import random
import time

import pytest
from csms import SignedCsms
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from past import Past

CURRENT, PREVIOUS = "SYSCURRENT", "SYSPREVIOUS"
LABELS_MAX = 12


class Refusal(Exception):
    """What the cloud would refuse, by its code."""


def milliseconds():
    return time.time_ns() // 1_000_000


class Since:
    """When a label came to where it is: after the model moved it, and one time ever after."""

    def __init__(self):
        self.earliest, self.told = milliseconds(), None

    def check(self, told):
        assert self.earliest <= told <= milliseconds()
        assert self.told in (None, told)
        self.told = told


class Secret:
    """A secret as the cloud's documents describe it: versions, labels, and the state it is in."""

    def __init__(self):
        self.versions = ["v1"]
        self.labels = {CURRENT: "v1"}
        self.times = {CURRENT: Since()}
        self.is_pending = False

    def require_enabled(self):
        if self.is_pending:
            raise Refusal("CSMS.0103")

    def put(self, labels):
        """Puts labels on versions, all or none; a label sits on one version at most."""
        after = self.labels | labels
        if len(after) > max(LABELS_MAX, len(self.labels)):
            raise Refusal("CSMS.0203")
        for label, version in labels.items():
            if self.labels.get(label) != version:
                self.times[label] = Since()
        self.labels = after

    def create_version(self, stages):
        self.require_enabled()
        version = f"v{len(self.versions) + 1}"
        if stages is None:
            labels = {CURRENT: version}
            if CURRENT in self.labels:
                labels[PREVIOUS] = self.labels[CURRENT]
        else:
            if len(stages) > LABELS_MAX:
                raise Refusal("CSMS.0204")
            labels = {stage: version for stage in stages}
        self.put(labels)
        self.versions.append(version)
        return version

    def update_stage(self, stage, version):
        self.require_enabled()
        if version not in self.versions:
            raise Refusal("CSMS.0005")
        self.put({stage: version})

    def delete_stage(self, stage):
        self.require_enabled()
        if stage in (CURRENT, PREVIOUS):
            raise Refusal("CSMS.0105")
        if stage not in self.labels:
            raise Refusal("CSMS.0005")
        del self.labels[stage]

    def show_stage(self, stage):
        self.require_enabled()
        if stage not in self.labels:
            raise Refusal("CSMS.0005")
        return self.labels[stage]

    def schedule_deletion(self):
        if self.is_pending:
            raise Refusal("CSMS.0107")
        self.is_pending = True

    def cancel_deletion(self):
        if not self.is_pending:
            raise Refusal("CSMS.0108")
        self.is_pending = False


class Cloud:
    """The secrets of a project, by name."""

    def __init__(self):
        self.secrets = {}

    def find(self, name):
        if name not in self.secrets:
            raise Refusal("CSMS.0106")
        return self.secrets[name]

    @property
    def labels(self):
        return {name: secret.labels for name, secret in self.secrets.items()}


class Walk:
    """One random walk: each step asks the model and the service and holds them together."""

    WORDS = [f"custom-{number}" for number in range(13)] + ["Blue", "blue", "a_b", "9" * 64]
    SECRETS = ["db-password", "api_key", "absent"]

    def __init__(self, csms, project, seed):
        self.csms, self.random = csms, random.Random(seed)
        self.cloud, self.past = Cloud(), Past(project)
        self.refused = {}

    def both(self, ask_model, ask_service):
        """The answers of both, or None where both refuse alike."""
        begin = milliseconds()
        try:
            expected, code = ask_model(), None
        except Refusal as refusal:
            expected, code = None, str(refusal)
        try:
            found = ask_service()
        except ClientRequestException as error:
            assert (error.status_code, error.error_code) == (400, code), error.error_msg
            self.refused[code] = self.refused.get(code, 0) + 1
            return None
        assert code is None, f"the service took what the cloud refuses with {code}"
        return expected, found, begin

    def stage(self):
        return self.random.choice(
            self.WORDS if self.random.random() < 0.75 else [CURRENT, PREVIOUS])

    def version(self, name):
        secret = self.cloud.secrets.get(name)
        number = len(secret.versions) if secret else 1
        return f"v{self.random.randint(1, number + (self.random.random() < 0.1))}"

    def step(self):
        name = self.random.choices(self.SECRETS, weights=[10, 10, 1])[0]
        is_pending = name in self.cloud.secrets and self.cloud.secrets[name].is_pending
        action = self.random.choices(
            [self.move, self.remove, self.add, self.look, self.end, self.keep],
            weights=[3, 1, 1, 1, 2, 4] if is_pending else [10, 4, 4, 3, 1, 1])[0]
        action(name)

    def move(self, name):
        stage, version = self.stage(), self.version(name)
        answers = self.both(
            lambda: self.cloud.find(name).update_stage(stage, version),
            lambda: self.csms.update_stage(name, stage, version))
        if answers:
            found = answers[1]
            assert (found.name, found.version_id, found.secret_name) == (stage, version, name)
            self.cloud.secrets[name].times[stage].check(found.update_time)

    def remove(self, name):
        stage = self.stage()
        self.both(
            lambda: self.cloud.find(name).delete_stage(stage),
            lambda: self.csms.delete_stage(name, stage))

    def add(self, name):
        stages = None
        if self.random.random() < 0.5:
            count = self.random.choice([1, 2, 3, 12, 13])
            stages = self.random.sample(self.WORDS + [CURRENT, PREVIOUS], count)
        members = {} if stages is None else {"version_stages": stages}
        answers = self.both(
            lambda: self.cloud.find(name).create_version(stages),
            lambda: self.csms.create_version(name, **members))
        if answers:
            version, found, begin = answers
            held = {label for label, at in self.cloud.secrets[name].labels.items() if at == version}
            assert (found.id, found.secret_name) == (version, name)
            assert set(found.version_stages) == held
            assert begin <= found.create_time <= milliseconds()

    def look(self, name):
        stage = self.stage()
        answers = self.both(
            lambda: self.cloud.find(name).show_stage(stage),
            lambda: self.csms.show_stage(name, stage))
        if answers:
            version, found, _ = answers
            assert (found.name, found.version_id) == (stage, version)
            self.cloud.secrets[name].times[stage].check(found.update_time)

    def end(self, name):
        days = self.random.randint(7, 30)
        answers = self.both(
            lambda: self.cloud.find(name).schedule_deletion(),
            lambda: self.csms.schedule_deletion(name, days))
        if answers:
            _, found, begin = answers
            assert found.state == "PENDING_DELETE"
            assert 0 <= found.scheduled_delete_time - days * 86_400_000 - begin < 60_000

    def keep(self, name):
        answers = self.both(
            lambda: self.cloud.find(name).cancel_deletion(),
            lambda: self.csms.cancel_deletion(name))
        if answers:
            assert answers[1].state == "ENABLED"
            assert answers[1].scheduled_delete_time is None

    def check_present(self):
        for name, secret in self.cloud.secrets.items():
            versions, marker = [], None
            while True:
                page = self.csms.list_versions(name, limit=7, marker=marker)
                versions += page.version_metadatas
                marker = page.page_info.next_marker
                if not marker:
                    break
            assert [version.id for version in versions] == secret.versions
            found = {stage: version.id for version in versions for stage in version.version_stages}
            assert found == secret.labels


def test_random_moves_are_answered_as_the_cloud_answers_and_remembered(service, fresh):
    seed = int(os.environ.get("STAGELEDGER_TEST_SEED") or random.randrange(1 << 32))
    print(f"seed: STAGELEDGER_TEST_SEED={seed}")
    made = service.make_credential(fresh.id)
    walk = Walk(SignedCsms(fresh, made["access_key"], made["secret_key"]), fresh, seed)
    for name in Walk.SECRETS[:2]:
        walk.cloud.secrets[name] = Secret()
        walk.csms.create_secret(name)
        walk.past.note(walk.cloud.labels)
    for number in range(600):
        walk.step()
        walk.past.note(walk.cloud.labels)
        if number % 100 == 99:
            walk.check_present()
    print(f"refused: {walk.refused}")
    # Every rule was met at least once, or the walk shows less than it says.
    assert set(walk.refused) == {
        "CSMS.0005", "CSMS.0103", "CSMS.0105", "CSMS.0106", "CSMS.0107", "CSMS.0108", "CSMS.0203",
        "CSMS.0204"}
    assert walk.past.check() > 500


@pytest.mark.parametrize("stage", ["a.b", "a b", "é", "x" * 65, "a%2Fb"])
def test_names_no_label_can_have(service, fresh, stage):
    made = service.make_credential(fresh.id)
    csms = SignedCsms(fresh, made["access_key"], made["secret_key"])
    csms.create_secret("s")
    with pytest.raises(ClientRequestException) as caught:
        csms.update_stage("s", stage, "v1")
    assert (caught.value.status_code, caught.value.error_code) == (400, "CSMS.0002")
