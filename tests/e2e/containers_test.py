#!/usr/bin/env python3
"""Real programs of the containers of C++, C and Rust, optimised: what `tidemark leaks` says of
the function that fills each, row by row. Everything is recorded, so nothing is left to chance."""

import json
import os
import re

import e2e

# function -> (kind, a pattern of the whole badge, operation in the contract's words)
CXX = {
    "Vector": ("slice", r"slice<Animal>", "grow"),
    "VectorReserved": ("slice", r"slice<int>", "grow"),
    "String": ("string", r"string", "grow"),
    "Deque": ("deque", r"deque<Animal>", "insert"),
    "Queue": ("queue", r"queue<Animal>", "insert"),
    "List": ("list", r"list<Animal>", "insert"),
    "ForwardList": ("list", r"list<int>", "insert"),
    "Map": ("map", r"map<int, Animal>", "insert"),
    "Set": ("set", r"set<long>", "insert"),
    "UnorderedMap": ("map", r"map<int, Animal>", "insert"),
    "UnorderedSet": ("set", r"set<string>", "insert"),
    "Rehash": ("map", r"map<int, int>", "grow"),
    "MakeShared": ("object", r"object<Animal>", "create"),
    "Function": ("object", r"object<int\(\)>", "copy"),  # it is assigned
    "FlatHashMap": ("map", r"map<int, Animal>", "grow"),
    "FlatHashSet": ("set", r"set<long>", "grow"),
    "NodeHashMap": ("map", r"map<int, Animal>", "insert"),
    "BtreeMap": ("map", r"map<int, Animal>", "insert"),
    "InlinedVector": ("slice", r"slice<Animal>", "grow"),
    "Json": ("map", r"map<string, .*json.*>", "insert"),
}
LIBRARIES = {
    "BoostVector": ("slice", r"slice<Animal>", "grow"),
    "BoostSmallVector": ("slice", r"slice<Animal>", "grow"),
    "BoostString": ("string", r"string", "grow"),
    "BoostDeque": ("deque", r"deque<Animal>", "insert"),
    "BoostList": ("list", r"list<Animal>", "insert"),
    "BoostMap": ("map", r"map<int, Animal>", "insert"),
    "BoostFlatMap": ("map", r"map<int, Animal>", "grow"),
    "BoostUnorderedMap": ("map", r"map<int, Animal>", "insert"),
    "BoostUnorderedSet": ("set", r"set<long>", "insert"),
    "BoostMultiIndex": ("set", r"set<Animal>", "insert"),
    "BoostMakeShared": ("object", r"object<Animal>", "create"),
    "QtList": ("slice", r"slice<Animal>", "grow"),
    "QtVarLengthArray": ("slice", r"slice<Animal>", "grow"),
    "QtQueue": ("queue", r"queue<Animal>", "grow"),
    "QtHash": ("map", r"map<int, Animal>", "grow"),
    "QtSet": ("set", r"set<long>", "grow"),
    "QtMap": ("map", r"map<int, Animal>", "insert"),
    "QtString": ("string", r"string", "grow"),
    "QtByteArray": ("buffer", r"buffer", "grow"),
    "QtSharedPointer": ("object", r"object<Animal>", "create"),
    "ProtobufRepeatedField": ("slice", r"slice<long>", "grow"),
    "ProtobufRepeatedMessages": ("slice", r"slice<Value>", "grow"),
    "ProtobufMap": ("map", r"map<string, Value>", "insert"),
    "ProtobufArena": ("buffer", r"buffer", "grow"),
    "RapidjsonArray": ("slice", r"slice", "grow"),
    "RapidjsonObject": ("map", r"map", "insert"),
}
C = {
    # GLib's own file has no names for what grows it inside.
    "hash_table": ("map", r"map", "insert"),
    "array": ("slice", r"slice", "grow"),
    "pointers": ("slice", r"slice", "grow"),
    "string": ("string", r"string", "grow"),
    "list": ("list", r"list", "insert"),
    "cjson_object": ("map", r"map", "insert"),
    "cjson_array": ("list", r"list", "create"),
    "jansson_object": ("map", r"map", "insert"),
    "jansson_array": ("slice", r"slice", "grow"),
    "lua_table": ("map", r"map", "insert"),
    "grown": ("slice", r"slice\?", "grow"),
}
RUST = {
    "vec": ("slice", r"slice<Animal>", "grow"),
    "string": ("string", r"string", "grow"),
    "hash_map": ("map", r"map<u64, Animal>", "grow"),
    "hash_set": ("set", r"set<u64>", "grow"),
    "btree_map": ("map", r"map<u64, Animal>", "insert"),
    "vec_deque": ("deque", r"deque<Animal>", "grow"),
    "linked_list": ("list", r"list<u64>", "insert"),
    "binary_heap": ("queue", r"queue<u64>", "grow"),
    "shared": ("object", r"object<\[u64; 9\w*\]>", "create"),
    "atomic": ("object", r"object<Animal>", "create"),
}


class Containers(e2e.Case):
    def rows(self, program):
        """function -> its heaviest container, of the program's own functions."""
        command = [os.path.join(e2e.BUILD, "bin", program)]
        self.clear_profiles()
        result = self.run_recorded(command, "exact")
        self.assertEqual((result.returncode, result.stdout), (0, b"all are fed\n"), result.stderr)
        findings = json.loads(self.tidemark("leaks", "--format", "json", self.out))["findings"]
        rows = {}
        for finding in findings:
            name = re.sub(r"\(.*", "", finding["site"]["function"] or "").split("::")[-1]
            if name not in rows or finding["live_bytes"] > rows[name]["live_bytes"]:
                rows[name] = finding
        return rows

    def check(self, program, expected):
        rows = self.rows(program)
        wrong = {}
        for function, (kind, badge, operation) in expected.items():
            found = (rows.get(function) or {}).get("container") or {}
            said = (found.get("kind"), found.get("badge"), found.get("operation"))
            right = (said[0] == kind and re.fullmatch(badge, said[1] or "") is not None
                     and said[2] == operation)
            if not right:
                wrong[function] = said
        self.assertEqual(wrong, {})

    def test_cxx(self):
        self.check("zoo_cc", CXX)

    def test_libraries(self):
        self.check("zoo_libraries", LIBRARIES)

    def test_c(self):
        self.check("zoo_c", C)

    def test_rust(self):
        self.check("zoo_rs", RUST)


if __name__ == "__main__":
    e2e.main()
