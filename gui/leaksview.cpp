#include "gui/leaksview.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QLabel>
#include <QListWidget>
#include <QMenu>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>
#include <cmath>

#include "analyzer/base/units.h"
#include "gui/delegates.h"
#include "gui/format.h"
#include "gui/tables.h"

namespace tidemark::gui {
namespace {

QLabel* wrappedLabel() {
  auto* label = new QLabel;
  label->setWordWrap(true);
  label->setTextFormat(Qt::PlainText);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  label->setAlignment(Qt::AlignLeft | Qt::AlignTop);
  return label;
}

QString timeLeftOf(const leaks::TimeLeft& left) {
  const auto span = [](double seconds) {
    return toQString(FormatValue(std::llround(seconds), "seconds"));
  };
  return LeaksView::tr("Alone it fills what is left below the limit in %1 (95 %: %2 … %3)")
      .arg(span(left.seconds), span(left.low_s),
           left.high_s ? span(*left.high_s) : LeaksView::tr("never"));
}

QString callersOf(const leaks::Finding& finding) {
  QStringList callers;
  for (const leaks::CallerShare& caller : finding.callers) {
    callers << QStringList{frameTitle(caller.frame), frameWhere(caller.frame),
                           bytesText(static_cast<double>(caller.live_bytes))}
                   .join(QLatin1Char(' '));
  }
  return LeaksView::tr("Called from: %1").arg(callers.join(QStringLiteral(", ")));
}

QString factsOf(const leaks::Finding& finding, bool ratesArePerMinute) {
  QStringList facts;
  QString live = LeaksView::tr("Live: %1").arg(bytesText(static_cast<double>(finding.live_bytes)));
  if (finding.live_ci) {
    live += LeaksView::tr(" (95 %: %1)")
                .arg(bytesIntervalText(finding.live_ci->low, finding.live_ci->high));
  }
  live += LeaksView::tr(", objects: %1, samples: %2")
              .arg(countText(finding.live_objects), countText(finding.samples));
  facts << live;
  if (finding.delta_bytes) {
    QString delta = LeaksView::tr("Since the first snapshot: %1")
                        .arg(signedBytesText(static_cast<double>(*finding.delta_bytes)));
    if (finding.delta_ci) {
      delta +=
          LeaksView::tr(" (95 %: %1 … %2)")
              .arg(signedBytesText(finding.delta_ci->low), signedBytesText(finding.delta_ci->high));
    }
    facts << delta;
  }
  if (finding.flows) {
    QString flows = LeaksView::tr("Meanwhile allocated: %1, freed: %2")
                        .arg(bytesText(finding.flows->allocated), bytesText(finding.flows->freed));
    if (finding.flows->survived) {
      flows += LeaksView::tr(", still live of it: %1").arg(bytesText(*finding.flows->survived));
    }
    facts << flows;
  }
  if (finding.slope_bytes_per_hour) {
    QString slope =
        LeaksView::tr("Trend: %1").arg(rateText(*finding.slope_bytes_per_hour, ratesArePerMinute));
    if (finding.slope_ci) {
      slope += LeaksView::tr(" (95 %: %1 … %2)")
                   .arg(rateText(finding.slope_ci->low, ratesArePerMinute),
                        rateText(finding.slope_ci->high, ratesArePerMinute));
    }
    facts << slope;
  }
  if (finding.time_left) facts << timeLeftOf(*finding.time_left);
  if (finding.container) {
    QString container = LeaksView::tr("Container: %1").arg(toQString(finding.container->type));
    if (!finding.container->element.empty()) {
      container += LeaksView::tr(" of %1").arg(toQString(finding.container->element));
    }
    if (finding.container->evidence != Evidence::kMeasured) {
      container += LeaksView::tr(" (%1)").arg(QString::fromUtf8(Name(finding.container->evidence)));
    }
    facts << container;
  }
  if (!finding.callers.empty()) facts << callersOf(finding);
  for (const leaks::Advice& advice : finding.advice) {
    facts << LeaksView::tr("Advice: %1").arg(toQString(advice.text));
  }
  return facts.join(QLatin1Char('\n'));
}

}  // namespace

LeaksView::LeaksView(QWidget* parent) : QWidget(parent) {
  m_model = new LeaksModel(this);
  m_proxy = new LeaksProxy(this);
  m_proxy->setSourceModel(m_model);

  m_table = new QTableView;
  setUpTable(m_table);
  m_table->setModel(m_proxy);
  m_table->setItemDelegateForColumn(LeaksModel::Site, new TwoLineDelegate(m_table));
  m_table->setItemDelegateForColumn(LeaksModel::Verdict,
                                    new BadgeDelegate(BadgeDelegate::Kind::Verdict, m_table));
  m_table->setItemDelegateForColumn(LeaksModel::Container,
                                    new BadgeDelegate(BadgeDelegate::Kind::Container, m_table));
  m_table->setItemDelegateForColumn(
      LeaksModel::Live, new ErrorBarDelegate(ErrorBarDelegate::Kind::FromLeft, m_table));
  m_table->setItemDelegateForColumn(
      LeaksModel::Growth, new ErrorBarDelegate(ErrorBarDelegate::Kind::FromMiddle, m_table));
  m_table->setItemDelegateForColumn(LeaksModel::Trend, new SparklineDelegate(m_table));
  m_table->verticalHeader()->setDefaultSectionSize(2 * fontMetrics().height() + 12);
  QHeaderView* header = m_table->horizontalHeader();
  static constexpr int kEms[LeaksModel::ColumnCount] = {6, 10, 0, 40, 13, 16, 10, 13};
  const int em = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  for (int column = 0; column < LeaksModel::ColumnCount; ++column) {
    if (column != LeaksModel::Site) header->resizeSection(column, kEms[column] * em + 16);
  }
  header->setSectionResizeMode(LeaksModel::Site, QHeaderView::Stretch);
  m_table->sortByColumn(LeaksModel::Rank, Qt::AscendingOrder);

  auto* facts = new QWidget;
  auto* factsLayout = new QVBoxLayout(facts);
  factsLayout->setContentsMargins(12, 10, 12, 10);
  m_title = wrappedLabel();
  QFont bold = font();
  bold.setBold(true);
  m_title->setFont(bold);
  m_reason = wrappedLabel();
  m_facts = wrappedLabel();
  factsLayout->addWidget(m_title);
  factsLayout->addWidget(m_reason);
  factsLayout->addSpacing(4);
  factsLayout->addWidget(m_facts);
  factsLayout->addStretch(1);

  m_stack = new QListWidget;
  m_stack->setUniformItemSizes(true);
  m_stack->setItemDelegate(new FrameDelegate(m_stack));
  m_stack->setFrameShape(QFrame::NoFrame);
  m_stack->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);

  auto* details = new QSplitter(Qt::Horizontal);
  details->addWidget(facts);
  auto* stackTitle = new QLabel(tr("Heaviest stack, allocation first"));
  stackTitle->setContentsMargins(kCellMargin, 6, kCellMargin, 4);
  auto* stack = new QWidget;
  auto* stackLayout = new QVBoxLayout(stack);
  stackLayout->setContentsMargins(0, 0, 0, 0);
  stackLayout->setSpacing(0);
  stackLayout->addWidget(stackTitle);
  stackLayout->addWidget(m_stack);
  details->addWidget(stack);
  details->setStretchFactor(0, 2);
  details->setStretchFactor(1, 3);
  auto* splitter = new QSplitter(Qt::Vertical);
  splitter->addWidget(m_table);
  splitter->addWidget(details);
  splitter->setStretchFactor(0, 13);
  splitter->setStretchFactor(1, 7);
  splitter->setChildrenCollapsible(false);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(splitter);

  auto* copyRowAction = new QAction(tr("&Copy row"), this);
  copyRowAction->setShortcut(QKeySequence::Copy);
  copyRowAction->setShortcutContext(Qt::WidgetWithChildrenShortcut);
  connect(copyRowAction, &QAction::triggered, this, &LeaksView::copyRow);
  addAction(copyRowAction);
  auto* copyStackAction = new QAction(tr("Copy &stack"), this);
  copyStackAction->setShortcut(QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C));
  copyStackAction->setShortcutContext(Qt::WidgetWithChildrenShortcut);
  connect(copyStackAction, &QAction::triggered, this, &LeaksView::copyStack);
  addAction(copyStackAction);
  auto* escapeAction = new QAction(tr("Show &escape path"), this);
  connect(escapeAction, &QAction::triggered, this, &LeaksView::escapePathRequested);
  addAction(escapeAction);

  m_table->setContextMenuPolicy(Qt::CustomContextMenu);
  connect(m_table, &QTableView::customContextMenuRequested, this, &LeaksView::showContextMenu);
  connect(m_table, &QTableView::activated, this, &LeaksView::escapePathRequested);
  connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this] {
    showDetails();
    Q_EMIT selectionChanged();
  });
  showDetails();
}

void LeaksView::setSeries(std::shared_ptr<const Series> series) {
  m_series = series;
  m_model->setSeries(std::move(series));
  m_table->setColumnHidden(LeaksModel::Growth, !m_series || m_series->snapshots.size() < 2);
  m_table->setColumnHidden(LeaksModel::Trend, !m_series || m_series->snapshots.size() < 2);
  if (m_proxy->rowCount() > 0) m_table->selectRow(0);
  showDetails();
}

void LeaksView::setFocusPattern(const QString& pattern) {
  m_proxy->setFocusPattern(pattern);
  if (!m_table->currentIndex().isValid() && m_proxy->rowCount() > 0) m_table->selectRow(0);
}

const leaks::Finding* LeaksView::selected() const {
  const QModelIndex index = m_proxy->mapToSource(m_table->currentIndex());
  return index.isValid() ? &m_model->finding(index.row()) : nullptr;
}

void LeaksView::copyRow() const {
  const QModelIndex index = m_proxy->mapToSource(m_table->currentIndex());
  if (index.isValid()) QApplication::clipboard()->setText(m_model->rowText(index.row()));
}

void LeaksView::copyStack() const {
  if (const leaks::Finding* finding = selected()) {
    QApplication::clipboard()->setText(stackText(finding->stack));
  }
}

void LeaksView::showDetails() {
  const leaks::Finding* finding = selected();
  m_stack->clear();
  if (finding == nullptr) {
    m_title->clear();
    m_facts->clear();
    const bool failed = m_series && !m_series->ranking.ok();
    m_reason->setText(failed ? toQString(m_series->ranking.status().message())
                             : tr("No site is selected."));
    return;
  }
  const QString where = frameWhere(finding->site);
  m_title->setText(frameTitle(finding->site) +
                   (where.isEmpty() ? QString() : QStringLiteral("  ") + where));
  m_reason->setText(toQString(finding->reason));
  m_facts->setText(factsOf(*finding, m_model->ratesArePerMinute()));
  bool seenSite = false;
  for (const report::Frame& frame : finding->stack) {
    auto* item = new QListWidgetItem(frameTitle(frame));
    item->setData(LeaksModel::SubtextRole, frameWhere(frame));
    item->setToolTip(toQString(report::ToString(frame)));
    if (!seenSite && frame.function == finding->site.function && frame.line == finding->site.line &&
        frame.address == finding->site.address) {
      seenSite = true;
      item->setFont(m_title->font());
    }
    m_stack->addItem(item);
  }
}

void LeaksView::showContextMenu(const QPoint& position) {
  if (!m_table->indexAt(position).isValid()) return;
  QMenu::exec(actions(), m_table->viewport()->mapToGlobal(position));
}

}  // namespace tidemark::gui
