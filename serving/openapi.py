"""The API as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0), from its registry.

Methods without a route are found under ``x-json-rpc`` with the others: each with its parameters,
the role it needs and what it answers.
"""

from typing import Any, Final

import msgspec

from serving.registry import About, Amount, Api, Method, Page, Role, Route

__all__ = ["describe_api"]

_REFERENCE: Final = "#/components/schemas/{name}"
_ERROR: Final = {
    "type": "object",
    "required": ["error", "code", "data"],
    "properties": {
        "error": {"type": "string", "description": "One sentence: what is wrong."},
        "code": {"type": "integer", "description": "The error's code on JSON-RPC."},
        "data": {"type": "object", "description": "Its class as `error`, and details."},
    },
}
_PROBLEMS: Final = {
    "400": "The arguments are wrong, or the request was refused",
    "401": "There is no valid token, and this needs one",
    "403": "The host or origin is not one of this service, or the caller may not do this",
    "404": "Something named does not exist",
    "500": "Carrying it out failed",
    "503": "A part that is needed is not available now",
}
_BODY_PROBLEMS: Final = {"413": "The body is too long", "415": "The body is not JSON"}


def describe_api(api: Api) -> dict[str, Any]:
    """Return the document."""
    about = api.about
    chapters = [(tag.name, tag.text) for tag in about.tags]
    methods = [method for _, method in sorted(api.methods.items())]
    records = [method.parameters for method in methods if method.parameters is not None]
    answers = [str if method.returns is Page else method.returns for method in methods]
    # One call over all, so that types they share become components once.
    schemas, components = msgspec.json.schema_components(
        [*records, *answers], schema_hook=_schema, ref_template=_REFERENCE
    )
    for record in records:
        components[record.__name__].pop("title", None)
    answer_of = {m.name: s for m, s in zip(methods, schemas[len(records) :], strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for method in methods:
        if method.route is not None:
            operation = _operation(method, about, components, answer_of[method.name])
            paths.setdefault(method.route.path, {})[method.route.verb.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in chapters],
        "paths": dict(sorted(paths.items())),
        "security": [{"bearer": []}],
        "components": {
            "schemas": {**components, "Error": _ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "x-roles": [role.value for role in Role],
        "x-json-rpc": [
            {
                "method": method.name,
                "description": method.doc,
                "role": method.role.value,
                "params": {"type": "object"}
                if method.parameters is None
                else {"$ref": _REFERENCE.format(name=method.name)},
                "result": answer_of[method.name],
            }
            for method in methods
        ],
    }


def _schema(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "Any value."}
    assert kind is Amount
    return {"type": "string", "format": "decimal", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


def _operation(
    method: Method, about: About, components: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    route = method.route
    assert route is not None and method.parameters is not None
    summary, _, more = method.doc.partition("\n\n")
    record = components[method.name]
    required = record.get("required", [])
    operation: dict[str, Any] = {
        "operationId": method.name,
        "summary": " ".join(summary.split()),
        "description": more,
        "tags": [_tag(route, about)],
        "x-role": method.role.value,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": record["properties"][name]}
            for name in route.names
        ],
        "responses": {
            "200": {
                "description": "What was asked for",
                "content": {"text/html": {"schema": answer}}
                if method.returns is Page
                else _content(answer),
            },
        },
    }
    problems = _PROBLEMS
    if route.has_body:
        problems = {**_PROBLEMS, **_BODY_PROBLEMS}
        reference = {"$ref": _REFERENCE.format(name=method.name)}
        operation["requestBody"] = {"required": bool(required), "content": _content(reference)}
    else:
        operation["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in record["properties"].items()
            if name not in route.names
        ]
    error = {"$ref": _REFERENCE.format(name="Error")}
    for status, description in sorted(problems.items()):
        operation["responses"][status] = {"description": description, "content": _content(error)}
    return operation


def _tag(route: Route, about: About) -> str:
    """Return the name of the first tag that is for a route."""
    fits = (
        tag.name for tag in about.tags if not tag.parts or any(p in route.path for p in tag.parts)
    )
    return next(fits)


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
