// The tests' main: a QApplication without a display, set here so that the tests run the
// same by hand and under ctest.

#include <gtest/gtest.h>

#include <QApplication>
#include <QStandardPaths>

#if defined(__SANITIZE_ADDRESS__)
// fontconfig keeps its configuration for the life of the process and Qt never asks it to
// let go: not ours to free. Leaks of our own are still reported.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libfontconfig\nleak:libQt6XcbQpa\n";
}
#endif

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  QStandardPaths::setTestModeEnabled(true);
  testing::InitGoogleTest(&argc, argv);
  QApplication app(argc, argv);
  return RUN_ALL_TESTS();
}
