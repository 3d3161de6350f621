// Handmade profiles and rankings for the tests of this folder.

#ifndef TIDEMARK_GUI_TESTING_H_
#define TIDEMARK_GUI_TESTING_H_

#include <QAbstractItemModel>
#include <QString>
#include <memory>
#include <string>
#include <vector>

#include "gui/document.h"

namespace tidemark::gui {

// One row of a profile: function names from the leaf, live bytes of one object each 64.
struct TestRow {
  std::vector<std::string> stack;
  int64_t liveBytes = 0;
};

// A symbolized profile with Go's four sample types, sampled every 512 KiB.
// `timeSeconds` is both the time of day and the duration.
std::shared_ptr<const Profile> makeTestProfile(const std::vector<TestRow>& rows, int timeSeconds,
                                               const std::vector<std::string>& comments = {});
// Writes it as gzipped pprof; returns the path.
QString writeTestProfile(const QString& directory, const QString& name, const Profile& profile);

leaks::Finding makeTestFinding(int rank, leaks::Verdict verdict, const std::string& function,
                               int64_t liveBytes);
std::shared_ptr<const Series> makeTestSeries(std::vector<leaks::Finding> findings);

// Every cell's display text: columns separated by '|', rows by newlines.
QString tableText(const QAbstractItemModel& model);
// The same of one column.
QString columnText(const QAbstractItemModel& model, int column);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_TESTING_H_
