"""The schema of comparisons of several candidates, with the one that it refers to."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import referencing

FOLDER = resources.files("fastbench").joinpath("experiments/compare")
SCHEMAS = {
    name: json.loads(FOLDER.joinpath(name).read_text())
    for name in ("compare.schema.json", "comparisons.schema.json")
}
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMAS["comparisons.schema.json"],
    registry=referencing.Registry().with_resources(
        (name, referencing.Resource.from_contents(each)) for name, each in SCHEMAS.items()
    ),
)
