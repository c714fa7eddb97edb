"""An interpreter as moto's CloudFormation makes it: moto has none, so that a template's request is only noted."""

from __future__ import annotations

from typing import Any

from moto.core.common_models import CloudFormationModel

MADE: list[dict[str, Any]] = []
"""The properties of every interpreter that a stack has made."""
INTERPRETER_ID = "stack-0123456789"


class StackInterpreter(CloudFormationModel):
    """AWS::BedrockAgentCore::CodeInterpreterCustom; moto finds this class by its base."""

    physical_resource_id = INTERPRETER_ID

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::BedrockAgentCore::CodeInterpreterCustom"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in {"CodeInterpreterId", "CodeInterpreterArn"}

    def get_cfn_attribute(self, name: str) -> str:
        arn = f"arn:aws:bedrock-agentcore:us-east-1:123456789012:code-interpreter-custom/{INTERPRETER_ID}"
        return {"CodeInterpreterId": INTERPRETER_ID, "CodeInterpreterArn": arn}[name]

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> StackInterpreter:
        del resource_name, account_id, region_name, kwargs
        MADE.append(cloudformation_json["Properties"])
        return cls()

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Any:
        raise NotImplementedError

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Nothing is there to delete."""

    def is_created(self) -> bool:
        return True
