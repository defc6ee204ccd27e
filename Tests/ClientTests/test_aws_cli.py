# The command line of AWS, pointed at the service: the four calls, paging, and an error.

import json
import os
import pathlib
import subprocess
import sys

import pytest
from aws import (
    CURRENT, PREVIOUS, REGION, new_version, register_secret, register_version, source_needed,
)

PROGRAM = pathlib.Path(sys.executable).parent / "aws"


@pytest.fixture
def project(service):
    return service.project(provider="aws")


@pytest.fixture
def aws(service, project, tmp_path):
    """Runs a call of the program; answers what it printed, or what it said of an error."""
    made = service.make_credential(project.id)
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": made["access_key"], "AWS_SECRET_ACCESS_KEY": made["secret_key"],
        "AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true"}

    def call(*words, status=0):
        done = subprocess.run(
            [sys.executable, PROGRAM, "--endpoint-url", service.url, "--output", "json",
             "secretsmanager", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            env=environment)
        assert done.returncode == status, done.stderr
        return done.stderr.strip() if status else json.loads(done.stdout)
    return call


def test_the_four_calls(project, aws):
    register_secret(project, "app/db")
    first, second, third = (new_version() for _ in range(3))
    for version, stages in ((first, None), (second, None), (third, [])):
        assert register_version(project, "app/db", version, stages) is None
    moved = aws(
        "update-secret-version-stage", "--secret-id", "app/db", "--version-stage", CURRENT,
        "--move-to-version-id", third, "--remove-from-version-id", second)
    assert moved["Name"] == "app/db"
    described = aws("describe-secret", "--secret-id", moved["ARN"])
    assert described["VersionIdsToStages"] == {second: [PREVIOUS], third: [CURRENT]}
    listed = aws("list-secret-version-ids", "--secret-id", "app/db", "--include-deprecated")
    assert [version["VersionId"] for version in listed["Versions"]] == [first, second, third]
    assert "VersionStages" not in listed["Versions"][0]
    refused = aws(
        "update-secret-version-stage", "--secret-id", "app/db", "--version-stage", CURRENT,
        "--move-to-version-id", first, status=255)
    type_, message = source_needed(CURRENT, third)
    assert f"({type_}) when calling the UpdateSecretVersionStage operation: {message}" in refused


def test_lists_are_paged(project, aws):
    names = [f"secret-{number}" for number in range(5)]
    for name in names:
        register_secret(project, name)
    whole = aws("list-secrets", "--page-size", "2")
    assert [secret["Name"] for secret in whole["SecretList"]] == names
    some = aws(
        "list-secrets", "--max-items", "3", "--page-size", "2", "--filters",
        "Key=name,Values=secret", "--sort-order", "desc")
    assert [secret["Name"] for secret in some["SecretList"]] == names[:1:-1]
    rest = aws(
        "list-secrets", "--starting-token", some["NextToken"], "--filters",
        "Key=name,Values=secret", "--sort-order", "desc")
    assert [secret["Name"] for secret in rest["SecretList"]] == names[1::-1]
