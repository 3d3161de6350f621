"""Judges SARIF 2.1.0: what the standard's schema asks of the objects that Tidemark writes, and
what code-scanning pages ask beyond it.

SCHEMA is in the words of JSON Schema (draft 7), of which check() knows what is used here. As in
the standard, an object has no properties but those it names; a property bag has any.
"""

import re

BAG = {"type": "object"}


def _object(required, **properties):
    return {"type": "object", "required": required, "properties": properties,
            "additionalProperties": False}


def _array(items, least=0):
    return {"type": "array", "items": items, "minItems": least}


TEXT = {"type": "string"}
MULTIFORMAT = _object(["text"], text=TEXT, markdown=TEXT, properties=BAG)
MESSAGE = _object([], text=TEXT, markdown=TEXT, id=TEXT, arguments=_array(TEXT), properties=BAG)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT_LOCATION = _object([], uri=TEXT, uriBaseId=TEXT, index={"type": "integer", "minimum": -1},
                            description=MESSAGE, properties=BAG)
REGION = _object([], startLine={"type": "integer", "minimum": 1},
                 startColumn={"type": "integer", "minimum": 1},
                 endLine={"type": "integer", "minimum": 1},
                 endColumn={"type": "integer", "minimum": 1}, message=MESSAGE, properties=BAG)
PHYSICAL_LOCATION = _object(["artifactLocation"], artifactLocation=ARTIFACT_LOCATION,
                            region=REGION, contextRegion=REGION, properties=BAG)
LOGICAL_LOCATION = _object([], name=TEXT, fullyQualifiedName=TEXT, decoratedName=TEXT, kind=TEXT,
                           properties=BAG)
LOCATION = _object([], id={"type": "integer", "minimum": -1}, physicalLocation=PHYSICAL_LOCATION,
                   logicalLocations=_array(LOGICAL_LOCATION), message=MESSAGE, properties=BAG)
STACK = _object(["frames"], message=MESSAGE, properties=BAG,
                frames=_array(_object([], location=LOCATION, module=TEXT,
                                      threadId={"type": "integer"}, properties=BAG)))
THREAD_FLOW = _object(["locations"], id=TEXT, message=MESSAGE, properties=BAG,
                      locations=_array(_object([], location=LOCATION, properties=BAG), 1))
CODE_FLOW = _object(["threadFlows"], message=MESSAGE, threadFlows=_array(THREAD_FLOW, 1),
                    properties=BAG)
RESULT = _object(["message"], ruleId=TEXT, ruleIndex={"type": "integer", "minimum": -1},
                 kind={"enum": ["notApplicable", "pass", "fail", "review", "open",
                                "informational"]},
                 level=LEVEL, message=MESSAGE, locations=_array(LOCATION),
                 relatedLocations=_array(LOCATION), stacks=_array(STACK),
                 codeFlows=_array(CODE_FLOW), fingerprints=BAG,
                 partialFingerprints={"type": "object", "values": TEXT}, properties=BAG)
RULE = _object(["id"], id=TEXT, name=TEXT, shortDescription=MULTIFORMAT,
               fullDescription=MULTIFORMAT, help=MULTIFORMAT, helpUri=TEXT,
               defaultConfiguration=_object([], level=LEVEL, enabled={"type": "boolean"},
                                            properties=BAG), properties=BAG)
DRIVER = _object(["name"], name=TEXT, version=TEXT, semanticVersion=TEXT, informationUri=TEXT,
                 rules=_array(RULE), properties=BAG)
NOTIFICATION = _object(["message"], level=LEVEL, message=MESSAGE, locations=_array(LOCATION),
                       properties=BAG)
INVOCATION = _object(["executionSuccessful"], executionSuccessful={"type": "boolean"},
                     exitCode={"type": "integer"}, commandLine=TEXT,
                     toolExecutionNotifications=_array(NOTIFICATION), properties=BAG)
RUN = _object(["tool"], tool=_object(["driver"], driver=DRIVER, properties=BAG),
              invocations=_array(INVOCATION), results=_array(RESULT),
              originalUriBaseIds={"type": "object", "values": ARTIFACT_LOCATION},
              columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]}, properties=BAG)
SCHEMA = {"type": "object", "required": ["version", "runs"], "additionalProperties": False,
          "properties": {"$schema": TEXT, "version": {"enum": ["2.1.0"]}, "runs": _array(RUN),
                         "properties": BAG}}

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def check(value, schema, where="log"):
    """What is wrong with value, a line each."""
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value!r} is none of the words"]
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return [f"{where}: {value!r} is no {schema['type']}"]
    wrong = []
    if kind is int and value < schema.get("minimum", value):
        wrong.append(f"{where}: {value} is too small")
    if kind is list:
        if len(value) < schema["minItems"]:
            wrong.append(f"{where}: has {len(value)} items")
        for i, item in enumerate(value):
            wrong += check(item, schema["items"], f"{where}[{i}]")
    if kind is dict:
        known = schema.get("properties", {})
        wrong += [f"{where}: has no {name}" for name in schema.get("required", ())
                  if name not in value]
        for name, item in value.items():
            if name in known:
                wrong += check(item, known[name], f"{where}.{name}")
            elif "values" in schema:
                wrong += check(item, schema["values"], f"{where}.{name}")
            elif not schema.get("additionalProperties", True):
                wrong.append(f"{where}: {name} is not of the standard")
    return wrong


def _every(value, key):
    """All values of a key, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from _every(item, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == key:
                yield item
            if name != "properties":
                yield from _every(item, key)


def _check_places(run):
    wrong = []
    bases = run.get("originalUriBaseIds", {})
    for place in _every(run, "artifactLocation"):
        uri = place.get("uri", "")
        if not re.fullmatch(r"(?:[\w\-.~/:]|%[0-9A-F]{2})+", uri, re.ASCII):
            wrong.append(f"{uri!r} is no URI")
        if "uriBaseId" in place and (uri.startswith("/") or ":" in uri):
            wrong.append(f"{uri}: absolute, and with a base")
        if "uriBaseId" in place and not bases.get(place["uriBaseId"], {}).get(
                "uri", "").endswith("/"):
            wrong.append(f"{uri}: its base is not known, or ends in no slash")
    return wrong


def problems(log):
    """All that is wrong with a SARIF log, a line each."""
    wrong = check(log, SCHEMA)
    if wrong:
        return wrong
    for run in log["runs"]:
        rules = run["tool"]["driver"].get("rules", [])
        if len({rule["id"] for rule in rules}) != len(rules):
            wrong.append("two rules with one id")
        for rule in rules:
            for text in ("shortDescription", "fullDescription"):
                if not 0 < len(rule.get(text, {}).get("text", "")) <= 1024:
                    wrong.append(f"{rule['id']}: {text} is too long or missing")
        wrong += _check_places(run)
        for message in _every(run, "message"):
            if re.search("[{}]", message.get("text", "")):
                wrong.append(f"a brace, which is a placeholder: {message['text']}")
        if len(run.get("results", [])) > 5000:
            wrong.append("more than 5,000 results")
        for result in run.get("results", []):
            index = result.get("ruleIndex", -1)
            if not 0 <= index < len(rules) or rules[index]["id"] != result.get("ruleId"):
                wrong.append(f"{result.get('ruleId')}: not the rule of its index")
            # Code scanning shows no result without a place, and of places only the first.
            places = result.get("locations", [])
            if len(places) != 1 or "startLine" not in places[0].get(
                    "physicalLocation", {}).get("region", {}):
                wrong.append(f"{result['message']}: a result without one line to show it at")
            if not result.get("partialFingerprints"):
                wrong.append(f"{result['message']}: no fingerprint")
    return wrong
