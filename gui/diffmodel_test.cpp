#include "gui/diffmodel.h"

#include <gtest/gtest.h>

#include <QAbstractItemModelTester>
#include <QSortFilterProxyModel>

#include "gui/leaksmodel.h"
#include "gui/testing.h"

namespace tidemark::gui {
namespace {

std::shared_ptr<const Reports> makeReports() {
  report::DiffReport diff;
  diff.sample_type = "inuse_space";
  diff.unit = "bytes";
  diff.base_total = 3072;
  diff.total = 5120;
  report::DiffRow grown;
  grown.function = "Cache::insert(int)";
  grown.base_flat = 1024;
  grown.flat = 4096;
  grown.delta_flat = 3072;
  grown.delta_cum = 3072;
  grown.delta_ci = {2048, 4096};
  report::DiffRow gone;
  gone.function = "load";
  gone.base_flat = 2048;
  gone.delta_flat = -2048;
  gone.delta_cum = -2048;
  report::DiffRow fresh;
  fresh.file = "/src/new.cc";
  fresh.line = 7;
  fresh.flat = 1024;
  fresh.delta_flat = 1024;
  diff.rows = {grown, gone, fresh};
  auto reports = std::make_shared<Reports>();
  reports->options.base = 0;
  reports->diff = diff;
  return reports;
}

TEST(DiffModel, ShowsBothSidesAndTheInterval) {
  DiffModel model;
  QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.setReports(makeReports());
  EXPECT_EQ(tableText(model).toStdString(),
            "Cache::insert|1.00 kB|4.00 kB|+3.00 kB|+2.00 kB … +4.00 kB|+300 %|+3.00 kB\n"
            "load|2.00 kB|0 B|−2.00 kB||gone|−2.00 kB\n"
            "/src/new.cc:7|0 B|1.00 kB|+1.00 kB||new|0 B");
}

TEST(DiffModel, SortsBySignedDeltaAndPutsNewOnesFirst) {
  DiffModel model;
  model.setReports(makeReports());
  QSortFilterProxyModel proxy;
  proxy.setSortRole(LeaksModel::SortRole);
  proxy.setSourceModel(&model);
  proxy.sort(DiffModel::Delta, Qt::DescendingOrder);
  EXPECT_EQ(columnText(proxy, DiffModel::Name).toStdString(), "Cache::insert /src/new.cc:7 load");
  proxy.sort(DiffModel::Change, Qt::DescendingOrder);
  EXPECT_EQ(columnText(proxy, DiffModel::Name).toStdString(), "/src/new.cc:7 Cache::insert load");
}

TEST(DiffModel, IsEmptyWithoutABaseAndOnError) {
  DiffModel model;
  model.setReports(std::make_shared<Reports>());
  EXPECT_EQ(model.rowCount(), 0);
  auto failed = std::make_shared<Reports>();
  failed->diff = absl::InvalidArgumentError("no common sample type");
  model.setReports(failed);
  EXPECT_EQ(model.rowCount(), 0);
  EXPECT_EQ(model.diff(), nullptr);
  model.setReports(nullptr);
  EXPECT_EQ(model.rowCount(), 0);
}

}  // namespace
}  // namespace tidemark::gui
