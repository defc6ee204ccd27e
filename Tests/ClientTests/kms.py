# The official SDKs of Alibaba Cloud KMS, pointed at the service: the newer one in both of its ways
# of signing, and the older one. Nothing of them is changed but where they send.

import json
import threading
import warnings
from urllib.parse import urlsplit

from alibabacloud_kms20160120.client import Client
from alibabacloud_kms20160120.models import (
    DescribeSecretRequest,
    ListSecretsRequest,
    ListSecretVersionIdsRequest,
    PutSecretValueRequest,
    UpdateSecretVersionStageRequest,
)
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.composer import rpc_signature_composer
from aliyunsdkcore.client import AcsClient
from aliyunsdkkms.request.v20160120 import (
    DescribeSecretRequest as OldDescribeSecret,
    ListSecretsRequest as OldListSecrets,
    ListSecretVersionIdsRequest as OldListSecretVersionIds,
    PutSecretValueRequest as OldPutSecretValue,
    UpdateSecretVersionStageRequest as OldUpdateSecretVersionStage,
)
from darabonba.runtime import ExtendsParameters, RuntimeOptions

REGION = "cn-hangzhou"

# The older SDK makes its nonces here and takes none from its caller.
_held, _make_nonce = threading.local(), rpc_signature_composer.helper.get_uuid
rpc_signature_composer.helper.get_uuid = lambda: getattr(_held, "nonce", None) or _make_nonce()


class Refused(Exception):
    """What a client made of a refusal: status, code, message."""

    def __init__(self, status, code, message):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


class Kms:
    """The newer SDK; `signature` is v3 (ACS3-HMAC-SHA256) or v2 (HMAC-SHA1)."""

    requests = {
        "UpdateSecretVersionStage": (
            "update_secret_version_stage", UpdateSecretVersionStageRequest),
        "ListSecretVersionIds": ("list_secret_version_ids", ListSecretVersionIdsRequest),
        "ListSecrets": ("list_secrets", ListSecretsRequest),
        "DescribeSecret": ("describe_secret", DescribeSecretRequest),
        "PutSecretValue": ("put_secret_value", PutSecretValueRequest),
    }

    def __init__(self, service, made, signature="v3"):
        address = urlsplit(service.url)
        config = Config(
            endpoint=address.netloc, protocol="http", region_id=REGION,
            access_key_id=made["access_key"], access_key_secret=made["secret_key"])
        if signature == "v2":
            config.signature_algorithm = "v2"
        self.signature, self.client = signature, Client(config)

    def call(self, action, nonce=None, **parameters):
        """The members of an answer; `nonce` instead of one of the client's own."""
        method, request = self.requests[action]
        extra = ExtendsParameters()
        if nonce and self.signature == "v3":
            extra = ExtendsParameters(headers={"x-acs-signature-nonce": nonce})
        elif nonce:
            extra = ExtendsParameters(queries={"SignatureNonce": nonce})
        try:
            answer = getattr(self.client, f"{method}_with_options")(
                request().from_map(parameters), RuntimeOptions(extends_parameters=extra))
        except AlibabaCloudException as error:
            raise Refused(error.status_code, error.code, error.message) from error
        return answer.body.to_map()


class OldKms:
    """The older SDK, which signs with HMAC-SHA1 alone."""

    requests = {
        "UpdateSecretVersionStage": OldUpdateSecretVersionStage.UpdateSecretVersionStageRequest,
        "ListSecretVersionIds": OldListSecretVersionIds.ListSecretVersionIdsRequest,
        "ListSecrets": OldListSecrets.ListSecretsRequest,
        "DescribeSecret": OldDescribeSecret.DescribeSecretRequest,
        "PutSecretValue": OldPutSecretValue.PutSecretValueRequest,
    }

    def __init__(self, service, made):
        self.host, self.port = service.address
        self.client = AcsClient(made["access_key"], made["secret_key"], REGION, port=self.port)

    def request(self, action, parameters):
        request = self.requests[action]()
        request.set_endpoint(self.host)
        request.set_protocol_type("http")
        for name, value in parameters.items():
            request.add_query_param(name, value)
        return request

    def call(self, action, nonce=None, **parameters):
        _held.nonce = nonce
        try:
            text = self.client.do_action_with_exception(self.request(action, parameters))
        except ServerException as error:
            raise Refused(
                error.get_http_status(), error.get_error_code(), error.get_error_msg()) from error
        finally:
            _held.nonce = None
        return json.loads(text)

    def xml(self, action, **parameters):
        """The bytes of an answer in XML, refusals too."""
        request = self.request(action, parameters)
        request.set_accept_format("XML")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return self.client.do_action(request)


def clients(service, made):
    """Every way an official client talks."""
    return [Kms(service, made), Kms(service, made, "v2"), OldKms(service, made)]


def labels(client, secret):
    """Every label of a secret with its version, and all versions in order, page by page."""
    held, versions, number = {}, [], 1
    while True:
        page = client.call(
            "ListSecretVersionIds", SecretName=secret, IncludeDeprecated="true", PageNumber=number,
            PageSize=7)
        for item in page["VersionIds"]["VersionId"]:
            versions.append(item["VersionId"])
            for stage in item["VersionStages"]["VersionStage"]:
                held[stage] = item["VersionId"]
        if number * 7 >= page["TotalCount"]:
            assert len(versions) == page["TotalCount"]
            return held, versions
        number += 1
