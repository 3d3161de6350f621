#include "gui/flameview.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QVBoxLayout>

#include "gui/format.h"

namespace tidemark::gui {

FlameView::FlameView(QWidget* parent) : QWidget(parent) {
  m_search = new QLineEdit;
  m_search->setPlaceholderText(tr("Search functions"));
  m_search->setClearButtonEnabled(true);
  m_search->setMaximumWidth(320);
  m_found = new QLabel;
  m_inverted = new QCheckBox(tr("&Inverted (from the allocation up)"));
  m_legend =
      new QLabel(tr("<span style='color:#d9534a'>■</span> grew &nbsp; "
                    "<span style='color:#4a90d9'>■</span> shrank, against the base"));
  m_legend->setTextFormat(Qt::RichText);
  m_legend->hide();
  m_canvas = new FlameCanvas;
  m_details = new QLabel;
  m_details->setTextFormat(Qt::PlainText);
  m_details->setMinimumHeight(3 * fontMetrics().lineSpacing() + 8);
  m_details->setAlignment(Qt::AlignLeft | Qt::AlignTop);
  m_details->setContentsMargins(12, 4, 12, 4);
  // A long C++ name must not widen the window.
  m_details->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);

  auto* bar = new QHBoxLayout;
  bar->setContentsMargins(12, 6, 12, 6);
  bar->setSpacing(8);
  bar->addWidget(m_search, 1);
  bar->addWidget(m_found);
  bar->addStretch(1);
  bar->addWidget(m_legend);
  bar->addSpacing(16);
  bar->addWidget(m_inverted);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addLayout(bar);
  layout->addWidget(m_canvas, 1);
  layout->addWidget(m_details);

  connect(m_search, &QLineEdit::textChanged, this, &FlameView::showSearch);
  connect(m_search, &QLineEdit::returnPressed, m_canvas, qOverload<>(&QWidget::setFocus));
  connect(m_inverted, &QCheckBox::toggled, this, &FlameView::invertedToggled);
  connect(m_canvas, &FlameCanvas::hovered, m_details, &QLabel::setText);
}

void FlameView::setReports(std::shared_ptr<const Reports> reports) {
  m_legend->setVisible(reports && reports->options.base >= 0);
  if (reports) {
    const QSignalBlocker blocker(m_inverted);
    m_inverted->setChecked(reports->options.inverted);
  }
  m_details->setText(tr("Click zooms in, Esc zooms out, arrow keys walk, Ctrl+F searches."));
  m_canvas->setReports(std::move(reports));
  showSearch();
}

void FlameView::focusSearch() {
  m_search->setFocus();
  m_search->selectAll();
}

void FlameView::showSearch() {
  const double percent = m_canvas->setSearch(m_search->text());
  m_found->setText(m_search->text().isEmpty()
                       ? QString()
                       : tr("%1 % matches").arg(QString::number(percent, 'f', 1)));
}

}  // namespace tidemark::gui
