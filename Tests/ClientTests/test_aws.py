# The official client of AWS, boto3, pointed at the service: every call, paging, and each refusal.

from datetime import datetime, timedelta, timezone

import boto3
import pytest
from aws import (
    CANNOT_REMOVE, CURRENT, NOT_FOUND, PREVIOUS, REGION, Refused, arguments, client, labels_of,
    new_version, register_secret, register_version, source_needed, source_wrong,
)
from botocore.config import Config
from botocore.exceptions import ParamValidationError


@pytest.fixture
def project(service):
    return service.project(provider="aws")


@pytest.fixture
def manager(project):
    return client(project)


@pytest.fixture
def versions(project):
    """The secret `app/db` with three versions, of which the last has no label."""
    register_secret(project, "app/db")
    made = [new_version() for _ in range(3)]
    for version, stages in zip(made, (None, None, [])):
        assert register_version(project, "app/db", version, stages) is None
    return made


def test_a_rotation_as_its_function_does_it(project, manager, versions):
    first, second, third = versions
    described = manager.describe_secret(SecretId="app/db")
    assert described["Name"] == "app/db"
    place = f"arn:aws:secretsmanager:{REGION}:000000000000:secret"
    assert described["ARN"].startswith(f"{place}:app/db-")
    assert labels_of(described) == {CURRENT: second, PREVIOUS: first}
    now = datetime.now(timezone.utc)
    assert timedelta(0) <= now - described["CreatedDate"] < timedelta(minutes=1)
    assert described["CreatedDate"] <= described["LastChangedDate"] <= now
    arn = described["ARN"]
    pending = manager.update_secret_version_stage(**arguments(arn, "AWSPENDING", third))
    assert (pending["ARN"], pending["Name"]) == (arn, "app/db")
    manager.update_secret_version_stage(**arguments(arn, CURRENT, third, second))
    manager.update_secret_version_stage(**arguments(arn, "AWSPENDING", None, third))
    assert labels_of(manager.describe_secret(SecretId=arn[:-7])) == {
        CURRENT: third, PREVIOUS: second}


def test_versions_are_listed_with_and_without_the_deprecated(manager, versions):
    first, second, third = versions
    listed = manager.list_secret_version_ids(SecretId="app/db")
    assert [version["VersionId"] for version in listed["Versions"]] == [first, second]
    assert listed["Versions"][1]["VersionStages"] == [CURRENT]
    assert listed["Versions"][1]["KmsKeyIds"] == ["DefaultEncryptionKey"]
    assert isinstance(listed["Versions"][0]["CreatedDate"], datetime)
    assert "NextToken" not in listed
    listed = manager.list_secret_version_ids(SecretId="app/db", IncludeDeprecated=True)
    assert [version["VersionId"] for version in listed["Versions"]] == versions
    assert "VersionStages" not in listed["Versions"][2]
    pages, token = [], {}
    while True:
        page = manager.list_secret_version_ids(
            SecretId="app/db", IncludeDeprecated=True, MaxResults=1, **token)
        pages.append([version["VersionId"] for version in page["Versions"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [[version] for version in versions]


def test_secrets_are_listed_in_pages_sorted_and_filtered(project, manager, versions):
    names = ["app/cache", "web", "a.b_c+d=e@f-g"]
    for name in names:
        register_secret(project, name)
    everything = ["app/db", *names]
    pages = list(manager.get_paginator("list_secrets").paginate(
        PaginationConfig={"PageSize": 3}))
    assert [len(page["SecretList"]) for page in pages] == [3, 1]
    listed = [secret for page in pages for secret in page["SecretList"]]
    assert [secret["Name"] for secret in listed] == everything
    assert listed[0]["SecretVersionsToStages"] == {versions[0]: [PREVIOUS], versions[1]: [CURRENT]}
    assert listed[0]["ARN"] == manager.describe_secret(SecretId="app/db")["ARN"]

    def found(**asked):
        return [secret["Name"] for secret in manager.list_secrets(**asked)["SecretList"]]
    assert found(SortBy="name") == sorted(everything)
    assert found(SortBy="name", SortOrder="desc") == sorted(everything, reverse=True)
    assert found(SortOrder="desc") == everything[::-1]
    assert found(Filters=[{"Key": "name", "Values": ["app/"]}]) == ["app/db", "app/cache"]
    assert found(Filters=[{"Key": "name", "Values": ["!app/"]}]) == names[1:]
    assert found(Filters=[{"Key": "all", "Values": ["DB APP"]}]) == ["app/db"]
    assert found(Filters=[{"Key": "tag-key", "Values": ["team"]}]) == []
    with Refused("InvalidNextTokenException"):
        manager.list_secrets(NextToken="made-up")


def test_refusals_come_as_the_cloud_makes_them(manager, versions):
    first, second, third = versions
    update = manager.update_secret_version_stage
    with Refused(*NOT_FOUND) as refused:
        update(**arguments("absent", "x", first))
    assert isinstance(refused.value, manager.exceptions.ResourceNotFoundException)
    with Refused(*NOT_FOUND):
        manager.describe_secret(SecretId="absent")
    with Refused(*NOT_FOUND):
        manager.list_secret_version_ids(SecretId="absent")
    with Refused(*source_needed(CURRENT, second)) as refused:
        update(**arguments("app/db", CURRENT, third))
    assert isinstance(refused.value, manager.exceptions.InvalidParameterException)
    with Refused(*source_wrong(CURRENT)):
        update(**arguments("app/db", CURRENT, third, first))
    with Refused(*CANNOT_REMOVE):
        update(**arguments("app/db", CURRENT, None, second))
    with Refused("InvalidParameterException"):
        update(**arguments("app/db", "x"))
    with Refused(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
        "following: -/_+=.@!"):
        update(**arguments("a b", "x", first))
    for number in range(18):
        update(**arguments("app/db", f"label-{number}", first))
    with Refused("LimitExceededException") as refused:
        update(**arguments("app/db", "label-18", first))
    assert isinstance(refused.value, manager.exceptions.LimitExceededException)
    update(**arguments("app/db", "label-7", second, first))


@pytest.mark.parametrize("name, value", [
    ("MoveToVersionId", "v2"), ("RemoveFromVersionId", "x" * 65), ("VersionStage", ""),
    ("VersionStage", "x" * 257), ("SecretId", ""), ("SecretId", "x" * 2049)])
def test_limits_hold_where_the_client_does_not_hold_them(project, versions, name, value):
    asked = arguments("app/db", "x", versions[0]) | {name: value}
    if len(value) < 32:
        with pytest.raises(ParamValidationError):
            client(project).update_secret_version_stage(**asked)
    unchecked = client(project, config=Config(parameter_validation=False))
    member = name[0].lower() + name[1:]
    bound = "greater than" if len(value) < 32 else "less than"
    with Refused("ValidationException") as refused:
        unchecked.update_secret_version_stage(**asked)
    message = refused.value.response["Error"]["Message"]
    assert message.startswith(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
        f"Member must have length {bound} or equal to ")


def test_whoever_may_not_is_refused(service, project, manager, versions):
    made = service.make_credential(project.id)
    with Refused("InvalidSignatureException"):
        client(project, made | {"secret_key": made["secret_key"] + "x"}).list_secrets()
    with Refused(
        "UnrecognizedClientException", "The security token included in the request is invalid."):
        client(project, made | {"access_key": "SLAKAAAAAAAAAAAAAAAA"}).list_secrets()
    reader = client(project, service.make_credential(project.id, "reader"))
    assert reader.list_secrets()["SecretList"]
    with Refused("AccessDeniedException"):
        reader.update_secret_version_stage(**arguments("app/db", "x", versions[0]))
    other = service.project(provider="aws")
    assert client(other).list_secrets()["SecretList"] == []
    with Refused(*NOT_FOUND):
        client(other).describe_secret(SecretId="app/db")
    for provider in ("huawei", "alibaba"):
        with Refused("AccessDeniedException"):
            client(service.project(provider=provider)).list_secrets()


def test_a_session_token_does_no_harm(service, project, versions):
    made = service.make_credential(project.id)
    session = boto3.Session(made["access_key"], made["secret_key"], "a-session-token", REGION)
    manager = session.client("secretsmanager", endpoint_url=service.url)
    assert manager.describe_secret(SecretId="app/db")["Name"] == "app/db"


def test_a_secret_value_is_refused_and_leaves_no_trace(service, project, manager, versions):
    value = "p4ssw0rd-for-aws-7c1f"
    for call in (
        lambda: manager.put_secret_value(SecretId="app/db", SecretString=value),
        lambda: manager.put_secret_value(SecretId="app/db", SecretBinary=value.encode()),
        lambda: manager.create_secret(Name="new", SecretString=value),
        lambda: manager.update_secret(SecretId="app/db", SecretString=value),
    ):
        with Refused("InvalidRequestException") as refused:
            call()
        assert value not in str(refused.value.response)
    with Refused("UnknownOperationException"):
        manager.get_secret_value(SecretId="app/db")
    encoded = "cDRzc3cwcmQtZm9yLWF3cy03YzFm"
    for place in (service.dump(), service.written()):
        assert value.encode() not in place and encoded.encode() not in place
