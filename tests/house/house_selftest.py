#!/usr/bin/env python3
"""Plants one violation of every house rule in a copy and checks that it is found."""

import os
import shutil
import sys
import tempfile
import unittest

import include_table
import source_rules

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Planted(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidemark-house-")
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(ROOT, ".clang-format"), self.root)
        self.write("analyzer/base/ids.h", "#include <cstdint>\n")
        self.write("analyzer/model/profile.h", '#include "analyzer/base/ids.h"\n')

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def assert_found(self, violations, *words):
        self.assertEqual(len(violations), 1, violations)
        for word in words:
            self.assertIn(word, violations[0])

    def test_clean(self):
        self.assertEqual(include_table.check(self.root), [])
        self.assertEqual(source_rules.check_text(self.root), [])
        self.assertEqual(source_rules.check_format(self.root), [])

    def test_include_upwards(self):
        self.write("analyzer/report/top.h", '\n#include "analyzer/leaks/ranking.h"\n')
        self.assert_found(include_table.check(self.root), "analyzer/report/top.h:2",
                          "must not include analyzer/leaks/ranking.h")

    def test_include_beside(self):
        self.write("analyzer/report/top.h", '#include "../leaks/ranking.h"\n')
        self.write("analyzer/leaks/ranking.h", "")
        self.assert_found(include_table.check(self.root), "must not include")

    def test_unit_tests_are_leaves(self):
        self.write("analyzer/report/top_test.cc", '#include "analyzer/leaks/ranking.h"\n')
        self.assertEqual(include_table.check(self.root), [])

    def test_gui_and_protobuf(self):
        self.write("gui/document.cpp", '#include "proto/profile.pb.h"\n')
        self.assert_found(include_table.check(self.root), "protobuf")

    def test_gui_test_and_protobuf(self):
        self.write("gui/document_test.cpp", "#include <google/protobuf/message.h>\n")
        self.assert_found(include_table.check(self.root), "protobuf")

    def test_recorder_and_libraries(self):
        self.write("profiler/preload/recorder.cc", '#include "absl/status/status.h"\n')
        self.assert_found(include_table.check(self.root), "libc only")

    def test_recorder_and_protobuf(self):
        self.write("profiler/preload/recorder.cc", '#include "proto/profile.pb.h"\n')
        self.assert_found(include_table.check(self.root), "proto/profile.pb.h")

    def test_cycle_of_files(self):
        self.write("analyzer/model/a.h", '#include "analyzer/model/b.h"\n')
        self.write("analyzer/model/b.h", '#include "a.h"\n')
        self.assert_found(include_table.check(self.root), "cycle of files")

    def test_unknown_folder(self):
        self.write("analyzer/misc/a.h", "")
        self.assert_found(include_table.check(self.root), "not in the include table")

    def test_mark(self):
        self.write("docs/note.md", "Later: TO" + "DO write this.\n")
        self.assert_found(source_rules.check_text(self.root), "docs/note.md:1", "mark")

    def test_machine_path(self):
        self.write("scripts/run", "cd /ho" + "me/somebody/tidemark\n")
        self.assert_found(source_rules.check_text(self.root), "scripts/run:1", "path of one machine")

    def test_white_space(self):
        self.write("scripts/run", "true \n")
        self.assert_found(source_rules.check_text(self.root), "white space")

    def test_format(self):
        self.write("analyzer/base/units.cc", "int  f( ) {return 1 ;}\n")
        self.assert_found(source_rules.check_format(self.root), "analyzer/base/units.cc")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
