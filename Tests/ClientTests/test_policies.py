# Policies from files, as an operator writes them and the clients of three clouds' form meet them.

import json
import subprocess

import pytest
from csms import Refused, SignedCsms
from service import binary, environment

ALLOW_ALL = {"Effect": "Allow", "Action": "*"}


@pytest.fixture
def make(service, fresh, tmp_path):
    """Makes a client of a credential with a policy of these statements, or a named one."""
    def client(*statements):
        policy = statements[0]
        if not isinstance(policy, str):
            policy = tmp_path / "policy.json"
            policy.write_text(json.dumps({"Version": "5.0", "Statement": list(statements)}))
        made = service.make_credential(fresh.id, policy=str(policy))
        return SignedCsms(fresh, made["access_key"], made["secret_key"])
    return client


@pytest.fixture
def secrets(make):
    """An administrator, and two secrets of two versions."""
    admin = make("admin")
    for name in ("db-1", "web-1"):
        admin.create_secret(name)
        admin.create_version(name)
    return admin


def test_a_pipeline_is_held_to_its_label(make, secrets):
    pipeline = make({
        "Sid": "canary", "Effect": "Allow", "Resource": "db-?",
        "Action": ["csms:secretStage:*", "CSMS:Secret:CreateVersion"],
        "Condition": {"StringEquals": {"csms:VersionStage": ["canary", "next"]},
                      "IpAddress": {"g:SourceIp": ["127.0.0.0/8", "::1"]}},
    })
    assert pipeline.update_stage("db-1", "canary", "v1").version_id == "v1"
    assert pipeline.show_stage("db-1", "canary").version_id == "v1"
    assert pipeline.create_version("db-1", version_stages=["next"]).id == "v3"
    pipeline.delete_stage("db-1", "canary")
    for refused in (
        lambda: pipeline.update_stage("db-1", "SYSCURRENT", "v1"),
        lambda: pipeline.show_stage("db-1", "SYSCURRENT"),
        lambda: pipeline.update_stage("web-1", "canary", "v1"),
        lambda: pipeline.create_version("db-1"),
        lambda: pipeline.create_version("db-1", version_stages=["next", "SYSCURRENT"]),
        lambda: pipeline.list_versions("db-1"),
        lambda: pipeline.list_secrets(),
        lambda: pipeline.delete_secret("db-1"),
    ):
        with Refused("CSMS.0302", 403):
            refused()
    assert secrets.labels("db-1") == {"SYSCURRENT": "v2", "SYSPREVIOUS": "v1", "next": "v3"}


def test_a_denial_wins(make, secrets):
    careful = make(ALLOW_ALL, {
        "Effect": "Deny", "Action": "csms:secret:updateStage",
        "Condition": {"StringLike": {"csms:VersionStage": "SYS*"}},
    }, {"Effect": "Deny", "Action": "*", "Resource": "web-*"})
    assert careful.update_stage("db-1", "canary", "v1").version_id == "v1"
    assert careful.show_stage("db-1", "SYSCURRENT").version_id == "v2"
    for refused in (
        lambda: careful.update_stage("db-1", "SYSCURRENT", "v1"),
        lambda: careful.show_secret("web-1"),
    ):
        with Refused("CSMS.0302", 403):
            refused()


def test_another_address_and_another_time_are_refused(make, secrets):
    for condition in (
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"NotIpAddress": {"acs:SourceIp": ["127.0.0.0/8", "::1"]}},
        {"DateLessThan": {"g:CurrentTime": "2020-01-01T00:00:00Z"}},
    ):
        client = make(ALLOW_ALL | {"Condition": condition})
        with Refused("CSMS.0302", 403):
            client.list_secrets()


def test_a_writer_moves_labels_and_deletes_no_secret(make, secrets):
    writer = make("writer")
    writer.create_secret("db-2")
    writer.create_version("db-2", version_stages=["blue"])
    writer.update_stage("db-2", "blue", "v1")
    writer.delete_stage("db-2", "blue")
    for refused in (
        lambda: writer.delete_secret("db-2"),
        lambda: writer.schedule_deletion("db-2", 7),
        lambda: writer.cancel_deletion("db-2"),
    ):
        with Refused("CSMS.0302", 403):
            refused()


def test_a_policy_that_is_not_understood_makes_no_credential(service, fresh, tmp_path):
    path = tmp_path / "policy.json"

    def refused(text):
        path.write_text(text)
        done = subprocess.run(
            [binary(), "credential", "create", "x", "--project", fresh.id, "--policy", path,
             "--data-dir", service.data], capture_output=True, text=True, timeout=60,
            env=environment())
        assert (done.returncode, done.stdout) == (64, ""), done.stderr
        return done.stderr

    def condition(value):
        return json.dumps({"Statement": [ALLOW_ALL, ALLOW_ALL | {"Condition": value}]})

    assert "no JSON, from byte 1 on" in refused("{")
    assert "Statement must be" in refused("{}")
    assert "Statement[0].Effect must be" in refused('{"Statement":[{"Action":"*"}]}')
    assert "Statement[0].NotAction" in refused('{"Statement":[{"NotAction":"*","Effect":"Deny"}]}')
    assert "Statement[1].Condition.Bool must be one of DateEquals," in refused(
        condition({"Bool": {"aws:SecureTransport": "true"}}))
    assert "Statement[1].Condition.StringLike.csms:Type must be one of csms:" in refused(
        condition({"StringLike": {"csms:Type": "COMMON"}}))
    assert "Statement[1].Condition.IpAddress.g:SourceIp must be an address" in refused(
        condition({"IpAddress": {"g:SourceIp": "10.0.0.0/33"}}))
    assert "x" not in [
        row["name"] for row in json.loads(
            service.run("credential", "list", "--project", fresh.id, "-o", "json"))]


def test_policies_are_listed_by_name_or_as_written(service, fresh, make):
    for policy in ("admin", "writer", "reader", "auditor"):
        service.make_credential(fresh.id, policy=policy, name=policy)
    condition = {"StringLike": {"kms:VersionStage": ["c*"]}}
    make(ALLOW_ALL | {"Condition": condition})
    rows = json.loads(service.run("credential", "list", "--project", fresh.id, "-o", "json"))
    policies = {row["name"]: row["policy"] for row in rows}
    for policy in ("admin", "writer", "reader", "auditor"):
        assert policies.pop(policy) == policy
    written = [json.loads(text) for text in policies.values() if text.startswith("{")]
    assert [policy["Statement"][0]["Condition"] for policy in written] == [condition]
