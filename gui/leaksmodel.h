// The leak ranking as a table: one row per finding.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_LEAKSMODEL_H_
#define TIDEMARK_GUI_LEAKSMODEL_H_

#include <QAbstractTableModel>
#include <QRegularExpression>
#include <QSortFilterProxyModel>
#include <memory>
#include <optional>

#include "gui/document.h"

namespace tidemark::gui {

class LeaksModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Rank, Verdict, Site, Container, Live, Growth, Samples, Trend, ColumnCount };
  enum Role {
    SortRole = Qt::UserRole,  // raw numbers, texts
    SubtextRole,              // second line of a cell: file:line, the container's type
    ColorRole,                // of the badge: LeaksModel cannot know the palette, so an int:
                              // leaks::Verdict or ContainerKind
    IntervalRole,             // QVariantList {value, low, high, largest in the column}
    SeriesRole,               // QVariantList of live bytes, oldest first
  };

  explicit LeaksModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

  // Null or an errored ranking empties the table.
  void setSeries(std::shared_ptr<const Series> series);
  // REQUIRES: 0 <= row < rowCount().
  const leaks::Finding& finding(int row) const;
  bool ratesArePerMinute() const { return m_perMinute; }
  // The row as text, tabs between columns.
  QString rowText(int row) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation,
                      int role = Qt::DisplayRole) const override;

 private:
  std::optional<double> growthOf(const leaks::Finding& finding) const;
  QString text(const leaks::Finding& finding, int column) const;
  QVariant sortKey(const leaks::Finding& finding, int column) const;
  QVariant interval(const leaks::Finding& finding, int column) const;
  QString toolTip(const leaks::Finding& finding, int column) const;

  std::shared_ptr<const Series> m_series;
  double m_largestLive = 0;    // upper ends of the intervals
  double m_largestGrowth = 0;  // magnitudes
  bool m_perMinute = false;    // rates are shown per minute, else per hour
  bool m_hasRates = false;     // of some sites: growth without one has no bar
};

// Sorts by SortRole and keeps findings whose site or stack matches the filter.
class LeaksProxy : public QSortFilterProxyModel {
  Q_OBJECT
 public:
  explicit LeaksProxy(QObject* parent = nullptr);
  void setFocusPattern(const QString& pattern);

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

 private:
  QRegularExpression m_focus;
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_LEAKSMODEL_H_
