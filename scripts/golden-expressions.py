"""Runs the cases of src/expression/testdata/cases.txt in CPython and writes what they give to golden.json beside it.

Run it once after changing the cases: python3 scripts/golden-expressions.py
"""
import json
import pathlib
import textwrap
import re
import types

here = pathlib.Path(__file__).parent.parent / "src" / "expression" / "testdata"


class SimpleNamespace:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def plain(text):
    """Without what only CPython's wrapper and files add to names."""
    return re.sub(r" \(/[^)]*\)$", "", text.replace("handler.<locals>.", ""))


def thing(value):
    """JSON with {"$object": {...}} for objects with attributes."""
    if isinstance(value, dict):
        if "$object" in value:
            return SimpleNamespace(**{k: thing(v) for k, v in value["$object"].items()})
        return {k: thing(v) for k, v in value.items()}
    if isinstance(value, list):
        return [thing(v) for v in value]
    return value


def run(text, context):
    messages = []
    scope = {k: thing(v) for k, v in context.items()}
    scope["ak_message"] = lambda text: messages.append(text)
    scope["ak_is_group_member"] = lambda user, name: name in user.group_names
    source = f"def handler({', '.join(scope)}):\n" + textwrap.indent(text, "    ")
    try:
        names = {}
        exec(compile(source, "policy", "exec"), names)
        value = names["handler"](**scope)
        if isinstance(value, types.GeneratorType):
            value = list(value)
        return {"value": plain(repr(value)), "messages": messages}
    except Exception as error:  # noqa: BLE001
        line = error.__traceback__.tb_next and [f for f in iterate(error.__traceback__) if f.tb_frame.f_code.co_filename == "policy"]
        return {
            "error": type(error).__name__,
            "text": plain(str(error)),
            "line": line[-1].tb_lineno - 1 if line else None,
            "messages": messages,
        }


def iterate(tb):
    while tb:
        yield tb
        tb = tb.tb_next


context = json.loads((here / "context.json").read_text())
golden = []
for part in (here / "cases.txt").read_text().split("\n### ")[1:]:
    name, _, text = part.partition("\n")
    golden.append({"name": name, **run(text.rstrip("\n") , context)})
(here / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
print(len(golden), "cases,", sum("error" in g for g in golden), "raise")
