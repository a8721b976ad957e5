"""How OpenAPI shows bodies that the routes read as raw bytes."""

from typing import Any

from pydantic import BaseModel


def shown(content: dict[str, type[BaseModel] | dict[str, Any]], description: str) -> dict[str, Any]:
    """An operation's `requestBody`, with whole schemas, for a raw body is in no list of components."""
    media = {kind: {"schema": body if isinstance(body, dict) else whole(body)} for kind, body in content.items()}
    return {"requestBody": {"required": True, "description": description, "content": media}}


def whole(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema without references."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def laid_out(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return laid_out(
                    {**parts[node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}
                )
            return {key: laid_out(value) for key, value in node.items()}
        return [laid_out(each) for each in node] if isinstance(node, list) else node

    laid: dict[str, Any] = laid_out(schema)
    return laid
