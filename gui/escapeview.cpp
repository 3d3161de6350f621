#include "gui/escapeview.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/format.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

// A short line in the pen of each kind of evidence, with its word.
class EvidenceLegend : public QWidget {
 public:
  EvidenceLegend() {
    m_entries = {{EscapeView::tr("measured"), Qt::SolidLine},
                 {EscapeView::tr("inferred"), Qt::DashLine},
                 {EscapeView::tr("from the compiler"), Qt::DotLine}};
    int width = 0;
    for (const auto& [word, style] : m_entries) {
      width += kLine + 6 + fontMetrics().horizontalAdvance(word) + kGap;
    }
    setFixedSize(width, fontMetrics().height() + 4);
  }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    int x = 0;
    for (const auto& [word, style] : m_entries) {
      painter.setPen(QPen(palette().color(QPalette::WindowText), 1.8, style, Qt::FlatCap));
      painter.drawLine(x, height() / 2, x + kLine, height() / 2);
      x += kLine + 6;
      const int advance = fontMetrics().horizontalAdvance(word);
      painter.drawText(QRect(x, 0, advance + 2, height()), Qt::AlignVCenter, word);
      x += advance + kGap;
    }
  }

 private:
  static constexpr int kLine = 34;
  static constexpr int kGap = 18;
  std::vector<std::pair<QString, Qt::PenStyle>> m_entries;
};

}  // namespace

EscapeView::EscapeView(QWidget* parent) : QWidget(parent) {
  m_sites = new QComboBox;
  m_sites->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_sites->setMinimumContentsLength(60);
  m_explanation = new QLabel;
  m_explanation->setWordWrap(true);
  m_explanation->setTextFormat(Qt::PlainText);
  m_explanation->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_explanation->setContentsMargins(12, 4, 12, 8);
  m_canvas = new EscapeCanvas;
  m_scroll = new QScrollArea;
  m_scroll->setFrameShape(QFrame::NoFrame);
  m_scroll->setWidgetResizable(true);
  m_scroll->setWidget(m_canvas);

  auto* label = new QLabel(tr("&Site"));
  label->setBuddy(m_sites);
  auto* bar = new QHBoxLayout;
  bar->setContentsMargins(12, 6, 12, 4);
  bar->setSpacing(8);
  bar->addWidget(label);
  bar->addWidget(m_sites);
  bar->addStretch(1);
  bar->addWidget(new EvidenceLegend);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addLayout(bar);
  layout->addWidget(m_explanation);
  layout->addWidget(m_scroll, 1);

  auto* copy = new QAction(tr("&Copy path"), this);
  copy->setShortcut(QKeySequence::Copy);
  copy->setShortcutContext(Qt::WidgetWithChildrenShortcut);
  connect(copy, &QAction::triggered, this, &EscapeView::copyPath);
  addAction(copy);
  m_canvas->addAction(copy);
  m_canvas->setContextMenuPolicy(Qt::ActionsContextMenu);
  connect(m_sites, &QComboBox::currentIndexChanged, this, &EscapeView::showCurrent);
}

void EscapeView::setReports(std::shared_ptr<const Reports> reports) {
  m_canvas->setSite(nullptr);  // before the reports that own it go
  m_reports = std::move(reports);
  {
    const QSignalBlocker blocker(m_sites);
    m_sites->clear();
    if (m_reports && m_reports->escapes.ok()) {
      for (const escape::EscapeSite& site : *m_reports->escapes) {
        const QString where = frameWhere(site.site);
        m_sites->addItem(
            QStringLiteral("%1   %2   %3")
                .arg(bytesText(static_cast<double>(site.bytes)), frameTitle(site.site), where));
      }
    }
  }
  showCurrent();
}

const escape::EscapeSite* EscapeView::current() const {
  const int index = m_sites->currentIndex();
  if (index < 0 || !m_reports || !m_reports->escapes.ok()) return nullptr;
  return &(*m_reports->escapes)[static_cast<size_t>(index)];
}

bool EscapeView::showSite(const report::Frame& site) {
  if (!m_reports || !m_reports->escapes.ok()) return false;
  const auto& sites = *m_reports->escapes;
  // The address may be another call on the same line.
  for (const bool exactly : {true, false}) {
    for (size_t i = 0; i < sites.size(); ++i) {
      const report::Frame& frame = sites[i].site;
      const bool same = exactly ? frame == site
                                : frame.function == site.function && frame.file == site.file &&
                                      frame.line == site.line &&
                                      (!site.function.empty() || frame.address == site.address);
      if (!same) continue;
      m_sites->setCurrentIndex(static_cast<int>(i));
      return true;
    }
  }
  return false;
}

void EscapeView::showCurrent() {
  const escape::EscapeSite* site = current();
  m_canvas->setSite(site);
  if (site != nullptr) {
    m_explanation->setText(escapeExplanation(*site));
  } else if (m_reports && !m_reports->escapes.ok()) {
    m_explanation->setText(toQString(m_reports->escapes.status().message()));
  } else {
    m_explanation->setText(tr("No site has an escape path."));
  }
}

void EscapeView::copyPath() const {
  if (const escape::EscapeSite* site = current()) {
    QApplication::clipboard()->setText(escapeText(*site));
  }
}

QString escapeExplanation(const escape::EscapeSite& site) {
  QString text = toQString(site.explanation);
  // Longest first: one name may be part of another.
  QStringList names;
  for (const escape::Node& node : site.nodes) names << toQString(node.frame.function);
  std::sort(names.begin(), names.end(),
            [](const QString& a, const QString& b) { return a.size() > b.size(); });
  for (const QString& name : names) {
    if (!name.isEmpty()) text.replace(name, shortFunction(name));
  }
  return text;
}

QString escapeText(const escape::EscapeSite& site) {
  QStringList lines;
  for (const escape::Edge& edge : site.edges) {
    lines << QStringLiteral("%1 %2 %3 (%4, %5)")
                 .arg(escapeTitle(site.nodes[edge.from]), toQString(edge.how),
                      escapeTitle(site.nodes[edge.to]), QString::fromUtf8(Name(edge.evidence)),
                      bytesText(static_cast<double>(edge.bytes)));
  }
  lines << escapeExplanation(site);
  return lines.join(QLatin1Char('\n'));
}

}  // namespace tidemark::gui
