"""Runs the recipes of src/expression/testdata/recipes with the objects they speak of and writes what they give and do to golden.json beside them.

The objects are stand-ins of plain Python: what a recipe does to them is written down. src/expression/testdata/recipes/world.ts has the same ones.
Run it once after changing recipes or cases: python3 scripts/golden-recipes.py
"""
import copy
import datetime
import json
import pathlib
import sys
import textwrap
import types

here = pathlib.Path(__file__).parent.parent / "src" / "expression" / "testdata" / "recipes"


class DoesNotExist(Exception):
    pass


class Many(list):
    """What a manager and its filters answer."""

    def filter(self, **lookups):
        def fits(item):
            for name, value in lookups.items():
                if name.endswith("__in"):
                    if getattr(item, name[:-4]) not in value:
                        return False
                elif getattr(item, name) != value:
                    return False
            return True

        return Many(item for item in self if fits(item))

    def all(self):
        return Many(self)

    def first(self):
        return self[0] if self else None

    def exists(self):
        return len(self) > 0

    def get(self, **lookups):
        found = self.filter(**lookups)
        if not found:
            raise DoesNotExist("Group matching query does not exist.")
        return found[0]


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Membership(Many):
    def __init__(self, items, owner, did):
        super().__init__(items)
        self.owner, self.did = owner, did

    def add(self, *groups):
        for group in groups:
            self.did.append(["add", self.owner.username, group.name])
            if group not in self:
                self.append(group)


class World:
    def __init__(self, groups, case):
        self.did = []
        self.messages = []
        self.groups = Many(Thing(name=name) for name in groups)
        self.invitations = Many(self.invitation(given) for given in case.get("invitations", []))
        self.user = self.make_user({"groups": [], "attributes": {}, **case.get("user", {})})
        self.context = {}
        for key, value in case["context"].items():
            self.context[key] = self.thing(value)
        http = case.get("http")
        self.request = Thing(
            user=self.user,
            context=self.context,
            http_request=http and Thing(**{**http, "get_host": lambda: http["host"]}),
        )

    def invitation(self, given):
        expires = given["expires"] and datetime.datetime.fromisoformat(given["expires"])
        return Thing(**{**given, "expires": expires, "flow": Thing(slug=given["flow"])})

    def make_user(self, given):
        user = Thing(username="mira", attributes=given["attributes"])
        user.ak_groups = user.groups = Membership([g for g in self.groups if g.name in given["groups"]], user, self.did)
        user.save = lambda: self.did.append(["save", user.username, copy.deepcopy(user.attributes)])
        return user

    def thing(self, value):
        if isinstance(value, dict):
            if "$event" in value:
                return Thing(**value["$event"])
            if "$invitation" in value:
                return self.invitation(value["$invitation"])
            if "$user" in value:
                return self.user
            if "$plan" in value:
                return Thing(context=self.context)
        return value

    def names(self):
        def log(level):
            return lambda event, **fields: self.did.append(["log", level, event, fields])

        def send(address, subject, body=None):
            self.did.append(["mail", address, subject, body])
            return True

        return {
            "request": self.request,
            "context": self.context,
            "ak_message": self.messages.append,
            "ak_is_group_member": lambda user, name: user.groups.filter(name=name).exists(),
            "ak_logger": Thing(**{level: log(level) for level in ("info", "warning", "error")}),
            "ak_send_email": send,
        }

    def left(self):
        """What stays in the context, as far as it is plain."""
        return {key: value for key, value in self.context.items() if not isinstance(value, Thing)}


def module(name, **members):
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    sys.modules[name].__dict__.update(members)


def run(text, groups, case):
    world = World(groups, copy.deepcopy(case))
    module("authentik.core.models", Group=Thing(objects=world.groups, DoesNotExist=DoesNotExist))
    module("authentik.stages.invitation.models", Invitation=Thing(objects=world.invitations, DoesNotExist=DoesNotExist))
    scope = world.names()
    names = {}
    exec(compile(f"def handler({', '.join(scope)}):\n" + textwrap.indent(text, "    "), "policy", "exec"), names)
    try:
        ended = {"value": repr(names["handler"](**scope))}
    except Exception as error:  # noqa: BLE001
        frames, tb = [], error.__traceback__
        while tb:
            if tb.tb_frame.f_code.co_filename == "policy":
                frames.append(tb.tb_lineno)
            tb = tb.tb_next
        ended = {"error": type(error).__name__, "text": str(error), "line": frames[-1] - 1}
    return {**ended, "messages": world.messages, "did": world.did, "left": world.left()}


texts = dict(part.split("\n", 1) for part in (here / "recipes.txt").read_text().split("\n### ")[1:])
given = json.loads((here / "cases.json").read_text())
golden = [
    {"recipe": case["recipe"], "case": case["case"], **run(texts[case["recipe"]].rstrip("\n"), given["groups"], case)}
    for case in given["cases"]
]
(here / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
print(len(golden), "cases,", sum("error" in g for g in golden), "raise")
