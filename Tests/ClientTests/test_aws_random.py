# Random label moves through boto3: against a small model of AWS's rules, with the whole past asked
# again, and against moto, the imitation of AWS that tests of other projects use.

import os
import random
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import pytest
from aws import (
    CURRENT, LABELS_MAX, PENDING, PREVIOUS, REGION, Cloud, Refusal, Secret, arguments,
    check_refusal, client, labels_of, new_version, register_secret, register_version,
)
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.secretsmanager import secretsmanager_backends
from past import Past

WORDS = [f"custom-{number}" for number in range(22)] + [
    "Blue", "blue", "a b", "étiquette-中", "x/y?z=%25&", "9" * 256]
SECRETS = ["db/password", "api_key", "absent"]


def seeded(print_as):
    seed = int(os.environ.get("STAGELEDGER_TEST_SEED") or random.randrange(1 << 32))
    print(f"{print_as}: STAGELEDGER_TEST_SEED={seed}")
    return random.Random(seed)


class Moves:
    """Random moves of labels, most of them such as could be meant."""

    def __init__(self, chance, cloud):
        self.random, self.cloud = chance, cloud

    def secret(self):
        return self.random.choices(SECRETS, weights=[10, 10, 1])[0]

    def label(self, secret):
        held = sorted(secret.labels) if secret else []
        if held and self.random.random() < 0.5:
            return self.random.choice(held)
        return self.random.choice(WORDS + [CURRENT, PREVIOUS, PENDING] * 3)

    def version(self, secret):
        known = secret.versions if secret else []
        if not known or self.random.random() < 0.04:
            return new_version()
        return self.random.choice(known)

    def move(self, name):
        """A label, where to and where from."""
        secret = self.cloud.secrets.get(name)
        label = self.label(secret)
        holder = secret.labels.get(label) if secret else None
        source = holder if self.random.random() < 0.8 else None
        if self.random.random() < 0.1:
            source = self.version(secret)
        target = None if self.random.random() < 0.2 else self.version(secret)
        return label, target, source


def test_random_moves_are_answered_as_the_cloud_answers_and_remembered(service):
    chance = seeded("seed")
    project = service.project(provider="aws")
    manager, cloud, past = client(project), Cloud(), Past(project)
    moves, refused = Moves(chance, cloud), {}

    def both(ask_model, ask_service):
        try:
            ask_model()
            expected = None
        except Refusal as refusal:
            expected = refusal
        try:
            answer = ask_service()
        except ClientError as error:
            assert expected is not None, error
            check_refusal(error, expected)
            refused[expected.type] = refused.get(expected.type, 0) + 1
            return None
        assert expected is None, f"the service took what the cloud refuses with {expected}"
        return answer

    def register(name, stages):
        secret, version = cloud.secrets[name], new_version()
        try:
            secret.register(version, stages)
            expected = None
        except Refusal:
            expected = "too_many_stages"
        assert register_version(project, name, version, stages) == expected

    def check_present():
        for name, secret in cloud.secrets.items():
            described = manager.describe_secret(SecretId=name)
            assert labels_of(described) == secret.labels
            for deprecated in (True, False):
                versions, token = [], {}
                while True:
                    page = manager.list_secret_version_ids(
                        SecretId=name, IncludeDeprecated=deprecated, MaxResults=7, **token)
                    versions += page["Versions"]
                    if "NextToken" not in page:
                        break
                    token = {"NextToken": page["NextToken"]}
                found = {label: version["VersionId"] for version in versions
                         for label in version.get("VersionStages", ())}
                assert found == secret.labels
                held = set(secret.labels.values())
                assert [version["VersionId"] for version in versions] == [
                    version for version in secret.versions if deprecated or version in held]
        listed = manager.list_secrets()["SecretList"]
        assert [secret["Name"] for secret in listed] == list(cloud.secrets)
        for secret in listed:
            shown = {"VersionIdsToStages": secret["SecretVersionsToStages"]}
            assert labels_of(shown) == cloud.secrets[secret["Name"]].labels

    for name in SECRETS[:2]:
        register_secret(project, name)
        cloud.secrets[name] = Secret()
        past.note(cloud.labels)
        for _ in range(3):
            register(name, None)
            past.note(cloud.labels)
    arns = {name: manager.describe_secret(SecretId=name)["ARN"] for name in cloud.secrets}
    for number in range(500):
        name = moves.secret()
        if name in cloud.secrets and chance.random() < 0.08:
            some = chance.sample(WORDS + [CURRENT, PREVIOUS, PENDING], chance.choice([1, 2, 5]))
            register(name, chance.choice([None, [], some]))
        else:
            label, target, source = moves.move(name)
            asked = chance.choice([name, arns.get(name, name)])
            answer = both(
                lambda: cloud.find(name).update_stage(label, target, source),
                lambda: manager.update_secret_version_stage(
                    **arguments(asked, label, target, source)))
            if answer:
                assert (answer["ARN"], answer["Name"]) == (arns[name], name)
        past.note(cloud.labels)
        if number % 100 == 99:
            check_present()
    # Every limit is met, whatever the walk came by.
    name = SECRETS[0]
    for label in (f"filler-{number}" for number in range(LABELS_MAX + 1)):
        target = cloud.secrets[name].versions[0]
        if len(cloud.secrets[name].labels) <= LABELS_MAX:
            both(
                lambda: cloud.find(name).update_stage(label, target),
                lambda: manager.update_secret_version_stage(**arguments(name, label, target)))
            past.note(cloud.labels)
        if "LimitExceededException" in refused:
            break
    print(f"refused: {refused}")
    assert set(refused) == {
        "InvalidParameterException", "LimitExceededException", "ResourceNotFoundException"}
    assert past.check() > 500


# Moto

@dataclass
class Row:
    """A case of which `providers.md` 3.8 says that moto is wrong, and what moto does there."""

    case: str
    # The type of moto's error; None: it takes what AWS refuses, or does with it what AWS does not.
    moto: str | None = None


# The other rows of 3.8 are no moves of labels: the name of a label and a secret that waits for its
# deletion cannot come up here, PutSecretValue is not served, and of the two reading calls
# DescribeSecret is asked, whose unlabelled versions moto lists with [].
UNKNOWN_SECRET = Row("unknown secret: status 404", "ResourceNotFoundException")
UNKNOWN_VERSION = Row("unknown version", "InvalidParameterException")
NO_SOURCE = Row("custom label attached elsewhere, no RemoveFrom: on two versions")
ONTO_ITSELF = Row("label moved onto its own version: listed twice")
CURRENT_ONTO_ITSELF = Row("AWSCURRENT moved onto its own version: AWSPREVIOUS disappears")
CURRENT_ONTO_ITSELF_UNNAMED = Row(
    "AWSCURRENT moved onto its own version, no RemoveFrom", "InvalidParameterException")
CURRENT_REMOVED = Row("AWSCURRENT removed outright")
CURRENT_NOWHERE = Row("AWSCURRENT nowhere, then move: unhandled IndexError", "IndexError")
NEITHER = Row("neither Move nor Remove")
TOO_MANY = Row("label count")


def row_of(secret, label, target, source):
    """The row of 3.8 a move falls under; None where moto should do as AWS does."""
    if secret is None:
        return UNKNOWN_SECRET
    holder = secret.labels.get(label)
    if source is not None and holder != source:
        return None
    if source is None and label == CURRENT:
        if holder is None:
            return CURRENT_NOWHERE
        if target == holder:
            return CURRENT_ONTO_ITSELF_UNNAMED
        return UNKNOWN_VERSION if target not in (None, *secret.versions) else None
    if target is None:
        if source is None:
            return NEITHER
        return CURRENT_REMOVED if label == CURRENT else None
    if target not in secret.versions:
        return UNKNOWN_VERSION
    if target == holder:
        return CURRENT_ONTO_ITSELF if label == CURRENT else ONTO_ITSELF
    if holder is not None and source is None:
        return NO_SOURCE
    is_too_many = len(secret.labels | secret.moved(label, target)) > LABELS_MAX
    return TOO_MANY if is_too_many else None


class Moto:
    """The same secrets in moto, which starts a secret anew where it has gone wrong."""

    def __init__(self):
        self.manager = boto3.client(
            "secretsmanager", region_name=REGION, aws_access_key_id="x",
            aws_secret_access_key="x")
        self.kept = secretsmanager_backends["123456789012"][REGION].secrets

    def create(self, name, versions):
        for number, version in enumerate(versions):
            if number == 0:
                self.manager.create_secret(
                    Name=name, SecretString="x", ClientRequestToken=version)
            else:
                self.manager.put_secret_value(
                    SecretId=name, SecretString="x", ClientRequestToken=version,
                    VersionStages=[f"seed-{number}"])

    def labels(self, name):
        return labels_of(self.manager.describe_secret(SecretId=name))

    def move(self, *asked):
        """The type of the error, or None."""
        try:
            self.manager.update_secret_version_stage(**arguments(*asked))
        except ClientError as error:
            return error.response["Error"]["Code"]
        except IndexError:
            return "IndexError"
        return None

    @contextmanager
    def undone(self, name):
        """Lets moto go wrong, and puts its secret back as it was."""
        versions = self.kept[name].versions if name in self.kept else {}
        before = {version: list(each["version_stages"]) for version, each in versions.items()}
        yield
        for version, stages in before.items():
            versions[version]["version_stages"] = stages


@mock_aws
def test_moto_agrees_where_it_is_not_known_to_be_wrong(service):
    chance = seeded("seed")
    project = service.project(provider="aws")
    manager, cloud, moto = client(project), Cloud(), Moto()
    for name in SECRETS[:2]:
        versions = [new_version() for _ in range(5)]
        moto.create(name, versions)
        register_secret(project, name)
        cloud.secrets[name] = Secret()
        for number, version in enumerate(versions):
            stages = [CURRENT] if number == 0 else [f"seed-{number}"]
            cloud.secrets[name].register(version, stages)
            assert register_version(project, name, version, stages) is None
    moves, agreed, wrong = Moves(chance, cloud), 0, {}
    for _ in range(500):
        name = moves.secret()
        asked = name, *moves.move(name)
        secret = cloud.secrets.get(name)
        row = row_of(secret, *asked[1:])
        before = dict(secret.labels) if secret else None
        ours = None
        try:
            manager.update_secret_version_stage(**arguments(*asked))
        except ClientError as error:
            ours = error.response["Error"]["Code"]
        try:
            cloud.find(name).update_stage(*asked[1:])
        except Refusal:
            pass
        if row is None:
            agreed += 1
            assert moto.move(*asked) == ours, asked
        else:
            wrong[row.case] = wrong.get(row.case, 0) + 1
            with moto.undone(name):
                assert moto.move(*asked) == row.moto, (row, asked)
            if ours is None and secret.labels != before:
                raise AssertionError(f"moto should have done this too: {row} {asked}")
        if secret:
            held = labels_of(manager.describe_secret(SecretId=name))
            assert held == secret.labels
            assert moto.labels(name) == held, asked
    print(f"agreed {agreed} times; moto was wrong as listed: {wrong}")
    assert agreed > 200 and len(wrong) > 5


@pytest.mark.parametrize("row", [CURRENT_NOWHERE, TOO_MANY])
@mock_aws
def test_rare_rows_of_moto(service, row):
    project = service.project(provider="aws")
    manager, moto, version = client(project), Moto(), new_version()
    moto.create("s", [version])
    register_secret(project, "s")
    assert register_version(project, "s", version, []) is None
    secret = Secret()
    secret.register(version, [])
    if row is CURRENT_NOWHERE:
        # Moto cannot make a secret without AWSCURRENT, but can take it away.
        assert moto.move("s", CURRENT, None, version) is None
        assert row_of(secret, CURRENT, version, None) is row
        assert moto.move("s", CURRENT, version) == row.moto
        manager.update_secret_version_stage(**arguments("s", CURRENT, version))
        return
    for number in range(LABELS_MAX):
        secret.update_stage(f"label-{number}", version)
        manager.update_secret_version_stage(**arguments("s", f"label-{number}", version))
        assert moto.move("s", f"label-{number}", version) is None
    assert row_of(secret, "one-more", version, None) is row
    assert moto.move("s", "one-more", version) == row.moto
    with pytest.raises(manager.exceptions.LimitExceededException):
        manager.update_secret_version_stage(**arguments("s", "one-more", version))
