# The official SDK of Huawei Cloud CSMS, pointed at the service.
#
# The SDK signs with an access key. `SignedCsms` gives it one of the service; `Csms` one of nobody,
# with a token beside it as one more header, and the service goes by the token.

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    CreateSecretVersionRequest,
    CreateSecretVersionRequestBody,
    CsmsClient,
    DeleteSecretForScheduleRequest,
    DeleteSecretForScheduleRequestBody,
    DeleteSecretRequest,
    DeleteSecretStageRequest,
    ListSecretsRequest,
    ListSecretVersionsRequest,
    RestoreSecretRequest,
    ShowSecretRequest,
    ShowSecretStageRequest,
    ShowSecretVersionRequest,
    UpdateSecretStageRequest,
    UpdateSecretStageRequestBody,
)


class Csms:
    """The calls of the SDK, each with the token of a project."""

    def __init__(self, project, token=None, path_project=None):
        self.token = token or project.token
        credentials = BasicCredentials("ACCESSKEYOFNOACCOUNT", "no-secret-key-at-all",
                                       path_project or project.id)
        self.client = (
            CsmsClient.new_builder()
            .with_credentials(credentials)
            .with_endpoint(project.service.url)
            .build())

    def call(self, name, request):
        invoker = getattr(self.client, f"{name}_invoker")(request)
        return invoker.add_header("X-Auth-Token", self.token).invoke()

    def create_secret(self, name, **members):
        body = CreateSecretRequestBody(name=name, **members)
        return self.call("create_secret", CreateSecretRequest(body=body)).secret

    def show_secret(self, name):
        return self.call("show_secret", ShowSecretRequest(secret_name=name)).secret

    def list_secrets(self, **query):
        return self.call("list_secrets", ListSecretsRequest(**query))

    def delete_secret(self, name):
        return self.call("delete_secret", DeleteSecretRequest(secret_name=name))

    def schedule_deletion(self, name, days=None):
        body = DeleteSecretForScheduleRequestBody(recovery_window_in_days=days)
        request = DeleteSecretForScheduleRequest(secret_name=name, body=body)
        return self.call("delete_secret_for_schedule", request).secret

    def cancel_deletion(self, name):
        return self.call("restore_secret", RestoreSecretRequest(secret_name=name)).secret

    def create_version(self, secret, **members):
        body = CreateSecretVersionRequestBody(**members)
        request = CreateSecretVersionRequest(secret_name=secret, body=body)
        return self.call("create_secret_version", request).version_metadata

    def list_versions(self, secret, **query):
        request = ListSecretVersionsRequest(secret_name=secret, **query)
        return self.call("list_secret_versions", request)

    def show_version(self, secret, version):
        request = ShowSecretVersionRequest(secret_name=secret, version_id=version)
        return self.call("show_secret_version", request).version

    def update_stage(self, secret, stage, version):
        request = UpdateSecretStageRequest(
            secret_name=secret, stage_name=stage,
            body=UpdateSecretStageRequestBody(version_id=version))
        return self.call("update_secret_stage", request).stage

    def show_stage(self, secret, stage):
        request = ShowSecretStageRequest(secret_name=secret, stage_name=stage)
        return self.call("show_secret_stage", request).stage

    def delete_stage(self, secret, stage):
        request = DeleteSecretStageRequest(secret_name=secret, stage_name=stage)
        return self.call("delete_secret_stage", request)

    def labels(self, secret):
        """Every label of a secret with its version, read from the list of versions."""
        versions = self.list_versions(secret).version_metadatas
        return {stage: version.id for version in versions for stage in version.version_stages}


class SignedCsms(Csms):
    """The calls of the SDK, as it makes them by itself: signed, with nothing added."""

    def __init__(self, project, access_key, secret_key, path_project=None):
        credentials = BasicCredentials(access_key, secret_key, path_project or project.id)
        self.client = (
            CsmsClient.new_builder()
            .with_credentials(credentials)
            .with_endpoint(project.service.url)
            .build())

    def call(self, name, request):
        return getattr(self.client, name)(request)


class Refused:
    """Expects a call to be refused with a status and a code, with all an operator needs."""

    def __init__(self, code, status=400):
        self.code, self.status = code, status
        self.raises = pytest.raises(ClientRequestException)

    def __enter__(self):
        self.caught = self.raises.__enter__()
        return self.caught

    def __exit__(self, *exception):
        swallowed = self.raises.__exit__(*exception)
        error = self.caught.value
        assert (error.status_code, error.error_code) == (self.status, self.code), error.error_msg
        assert 2 <= len(error.error_msg) <= 512
        assert error.request_id
        return swallowed
