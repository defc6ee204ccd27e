# AWS Secrets Manager as its official Python client speaks it, pointed at the service, and a small
# model of its label rules.
#
# Used by the tests of the surface of AWS. The model is written from the cloud's documents and
# recorded answers and not from the service.

import secrets

import boto3
import pytest
from botocore.exceptions import ClientError

REGION = "eu-west-1"
CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
LABELS_MAX = 20

NOT_FOUND = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
CANNOT_REMOVE = (
    "InvalidParameterException",
    "You can only move staging label AWSCURRENT to a different secret version. It can’t be "
    "completely removed.")


def source_needed(label, version):
    return (
        "InvalidParameterException",
        f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently "
        f"attached to version {version}, so you must explicitly reference that version in "
        "RemoveFromVersionId.")


def source_wrong(label):
    return (
        "InvalidParameterException",
        f"When you move staging label {label}, if you specify RemoveFromVersionId, it must be set "
        f"to the version that currently has the staging label {label}.")


def version_not_found(version):
    return (
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {version}")


def client(project, made=None, **options):
    """The official client with a new access key of the project, or one that is there."""
    made = made or project.service.make_credential(project.id)
    return boto3.client(
        "secretsmanager", endpoint_url=project.service.url, region_name=REGION,
        aws_access_key_id=made["access_key"], aws_secret_access_key=made["secret_key"], **options)


def new_version():
    """An id as the cloud makes them."""
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def register_secret(project, name):
    answer = project.post("/secrets", json={"name": name})
    assert answer.status_code == 201, answer.text


def register_version(project, secret, version, stages=None):
    """Registers a version through the ledger's own API; answers the refusal's code, or None."""
    body = {"version_id": version} | ({} if stages is None else {"stages": stages})
    answer = project.post(f"/secrets/{secret.replace('/', '%2F')}/versions", json=body)
    return None if answer.status_code == 201 else answer.json()["code"]


def arguments(secret, label, move_to=None, remove_from=None):
    """The arguments of UpdateSecretVersionStage."""
    named = {"MoveToVersionId": move_to, "RemoveFromVersionId": remove_from}
    given = {name: value for name, value in named.items() if value is not None}
    return {"SecretId": secret, "VersionStage": label} | given


def labels_of(described):
    """Every label of a description with its version."""
    versions = described["VersionIdsToStages"]
    found = [(label, version) for version, labels in versions.items() for label in labels]
    assert len(found) == len(dict(found)), "a label is on two versions"
    return dict(found)


class Refusal(Exception):
    """What the cloud would refuse: type and message, which is None where none is recorded."""

    def __init__(self, type_, message=None):
        super().__init__(type_, message)
        self.type, self.message = type_, message


class Secret:
    """A secret as the cloud's documents describe it: versions and the labels on them."""

    def __init__(self):
        self.versions, self.labels = [], {}

    def put(self, labels):
        """Puts labels on versions, all or none; a label sits on one version at most."""
        after = self.labels | labels
        if len(after) > LABELS_MAX:
            raise Refusal("LimitExceededException")
        self.labels = after

    def moved(self, label, version):
        """What one move moves: AWSPREVIOUS goes where AWSCURRENT was."""
        left = self.labels.get(label)
        if label != CURRENT or left in (None, version):
            return {label: version}
        return {PREVIOUS: left, label: version}

    def register(self, version, stages=None):
        if stages is None:
            left = self.labels.get(CURRENT)
            self.put(self.moved(CURRENT, version))
            if left is not None and self.labels.get(PENDING) == left:
                del self.labels[PENDING]
        else:
            moved = {}
            for label in stages:
                moved |= self.moved(label, version)
            self.put(moved | {label: version for label in stages})
        self.versions.append(version)

    def update_stage(self, label, move_to=None, remove_from=None):
        holder = self.labels.get(label)
        if move_to is None:
            if remove_from is None:
                raise Refusal("InvalidParameterException")
            if label == CURRENT:
                raise Refusal(*CANNOT_REMOVE)
            if holder != remove_from:
                raise Refusal("InvalidParameterException")
            del self.labels[label]
            return
        if remove_from is not None and holder != remove_from:
            raise Refusal(*source_wrong(label))
        if move_to not in self.versions:
            raise Refusal(*version_not_found(move_to))
        if remove_from is None and holder not in (None, move_to):
            raise Refusal(*source_needed(label, holder))
        self.put(self.moved(label, move_to))


class Cloud:
    """The secrets of a project, by name."""

    def __init__(self):
        self.secrets = {}

    def find(self, name):
        if name not in self.secrets:
            raise Refusal(*NOT_FOUND)
        return self.secrets[name]

    @property
    def labels(self):
        return {name: secret.labels for name, secret in self.secrets.items()}


class Refused:
    """Expects a call to be refused with a type, a message if one is given, and a request id."""

    def __init__(self, type_, message=None, status=400):
        self.expected, self.status = Refusal(type_, message), status
        self.raises = pytest.raises(ClientError)

    def __enter__(self):
        self.caught = self.raises.__enter__()
        return self.caught

    def __exit__(self, *exception):
        swallowed = self.raises.__exit__(*exception)
        check_refusal(self.caught.value, self.expected, self.status)
        return swallowed


def check_refusal(error, expected, status=400):
    """Holds an error of the client against what the cloud would refuse."""
    answer, told = error.response["ResponseMetadata"], error.response["Error"]
    assert (answer["HTTPStatusCode"], told["Code"]) == (status, expected.type), told
    assert answer["RequestId"] and told["Message"]
    if expected.message is not None:
        assert told["Message"] == expected.message
