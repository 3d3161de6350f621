#include "gui/diffview.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

#include "gui/delegates.h"
#include "gui/format.h"
#include "gui/leaksmodel.h"
#include "gui/tables.h"

namespace tidemark::gui {

DiffView::DiffView(QWidget* parent) : QWidget(parent) {
  m_model = new DiffModel(this);
  m_proxy = new QSortFilterProxyModel(this);
  m_proxy->setSortRole(LeaksModel::SortRole);
  m_proxy->setSortCaseSensitivity(Qt::CaseInsensitive);
  m_proxy->setSourceModel(m_model);

  m_totals = new QLabel;
  m_totals->setTextFormat(Qt::PlainText);
  m_rows = new QComboBox;
  m_rows->addItem(tr("Sites"), static_cast<int>(DiffRows::Sites));
  m_rows->addItem(tr("Functions"), static_cast<int>(DiffRows::Functions));
  m_rows->addItem(tr("Lines"), static_cast<int>(DiffRows::Lines));
  m_rows->addItem(tr("Files"), static_cast<int>(DiffRows::Files));
  auto* label = new QLabel(tr("&Rows"));
  label->setBuddy(m_rows);
  auto* bar = new QHBoxLayout;
  bar->setContentsMargins(12, 6, 12, 6);
  bar->setSpacing(8);
  bar->addWidget(m_totals, 1);
  bar->addWidget(label);
  bar->addWidget(m_rows);

  m_table = new QTableView;
  setUpTable(m_table);
  m_table->setModel(m_proxy);
  m_table->setItemDelegateForColumn(DiffModel::Name, new TwoLineDelegate(m_table));
  m_table->setItemDelegateForColumn(
      DiffModel::Delta, new ErrorBarDelegate(ErrorBarDelegate::Kind::FromMiddle, m_table));
  static constexpr int kEms[DiffModel::ColumnCount] = {0, 11, 11, 16, 25, 11, 19};
  const int em = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  for (int column = 1; column < DiffModel::ColumnCount; ++column) {
    m_table->horizontalHeader()->resizeSection(column, kEms[column] * em + 16);
  }
  m_table->horizontalHeader()->setSectionResizeMode(DiffModel::Name, QHeaderView::Stretch);
  m_table->sortByColumn(DiffModel::Delta, Qt::DescendingOrder);

  auto* page = new QWidget;
  auto* pageLayout = new QVBoxLayout(page);
  pageLayout->setContentsMargins(0, 0, 0, 0);
  pageLayout->setSpacing(0);
  pageLayout->addLayout(bar);
  pageLayout->addWidget(m_table, 1);
  m_placeholder = new QLabel;
  m_placeholder->setTextFormat(Qt::PlainText);
  m_placeholder->setAlignment(Qt::AlignCenter);
  m_placeholder->setWordWrap(true);
  m_pages = new QStackedWidget;
  m_pages->addWidget(page);
  m_pages->addWidget(m_placeholder);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(m_pages);

  auto* copy = new QAction(tr("&Copy row"), this);
  copy->setShortcut(QKeySequence::Copy);
  copy->setShortcutContext(Qt::WidgetWithChildrenShortcut);
  connect(copy, &QAction::triggered, this, &DiffView::copyRow);
  addAction(copy);
  m_table->addAction(copy);
  m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
  connect(m_rows, &QComboBox::activated, this,
          [this] { Q_EMIT rowsChanged(static_cast<DiffRows>(m_rows->currentData().toInt())); });
  setReports(nullptr);
}

void DiffView::setReports(std::shared_ptr<const Reports> reports) {
  m_model->setReports(reports);
  if (const report::DiffReport* diff = m_model->diff()) {
    const QString unit = toQString(diff->unit);
    const DiffRows rows = reports->options.diffRows;
    m_totals->setText(tr("%1:  base %2,  new %3,  delta %4")
                          .arg(toQString(diff->sample_type), valueText(diff->base_total, unit),
                               valueText(diff->total, unit),
                               signedValueText(diff->total - diff->base_total, unit)));
    m_rows->setCurrentIndex(m_rows->findData(static_cast<int>(rows)));
    const bool twoLines = rows == DiffRows::Sites || rows == DiffRows::Lines;
    m_table->setColumnHidden(DiffModel::TotalDelta, rows == DiffRows::Sites);
    m_table->verticalHeader()->setDefaultSectionSize((twoLines ? 2 : 1) * fontMetrics().height() +
                                                     (twoLines ? 12 : 18));
    m_pages->setCurrentIndex(0);
    return;
  }
  m_placeholder->setText(
      reports && reports->diff
          ? toQString(reports->diff->status().message())
          : tr("Nothing to compare with: open a second snapshot with File > Open base…"));
  m_pages->setCurrentIndex(1);
}

void DiffView::copyRow() const {
  const QModelIndex index = m_proxy->mapToSource(m_table->currentIndex());
  if (index.isValid()) QApplication::clipboard()->setText(m_model->rowText(index.row()));
}

}  // namespace tidemark::gui
