"""IAM's SimulatePrincipalPolicy, which moto lacks, by moto's own weighing of the policies that moto holds.

The answer's shape is that of the API reference; botocore, which parses it in the tests, knows the same model.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends

ACTION = "SimulatePrincipalPolicy"
ACCOUNT = "123456789012"
VERDICTS = {PermissionResult.PERMITTED: "allowed", PermissionResult.DENIED: "explicitDeny"}
ANSWER = (
    "<SimulatePrincipalPolicyResponse xmlns='https://iam.amazonaws.com/doc/2010-05-08/'><SimulatePrincipalPolicyResult>"
    "<IsTruncated>false</IsTruncated><EvaluationResults><member><EvalActionName>{action}</EvalActionName>"
    "<EvalResourceName>{resource}</EvalResourceName><EvalDecision>{verdict}</EvalDecision><MissingContextValues>"
    "{missing}</MissingContextValues></member></EvaluationResults></SimulatePrincipalPolicyResult>"
    "</SimulatePrincipalPolicyResponse>"
)


def answer(body: str) -> bytes:
    """Weigh the managed policies of the user or role that a request asks about."""
    query = {name: values[0] for name, values in parse_qs(body).items()}
    action, resource = query["ActionNames.member.1"], query["ResourceArns.member.1"]
    documents = _documents(query["PolicySourceArn"])
    found = {VERDICTS.get(weigh(document, action, resource), "") for document in documents}
    verdict = next((word for word in ("explicitDeny", "allowed") if word in found), "implicitDeny")
    conditions = {key for document in documents for key in _conditions(document)}
    missing = "".join(f"<member>{key}</member>" for key in conditions)
    text = ANSWER.format(action=action, resource=resource, verdict=verdict, missing=missing)
    return text.encode()


def weigh(document: str, action: str, resource: str) -> PermissionResult:
    """What one document says; a statement with conditions does not hold."""
    statements = json.loads(document)["Statement"]
    plain = [statement for statement in statements if "Condition" not in statement]
    return IAMPolicy(json.dumps({"Statement": plain})).is_action_permitted(action, resource)


def _conditions(document: str) -> list[str]:
    statements = json.loads(document)["Statement"]
    return [key for statement in statements for keys in statement.get("Condition", {}).values() for key in keys]


def _documents(principal: str) -> list[str]:
    backend = iam_backends[ACCOUNT]["aws"]
    kind, _, name = principal.rpartition(":")[2].partition("/")
    name = name.rpartition("/")[2]
    holder = backend.get_user(name) if kind == "user" else backend.get_role(name)
    assert holder.arn == principal
    policies = holder.managed_policies.values()
    return [version.document for policy in policies for version in policy.versions if version.is_default]
