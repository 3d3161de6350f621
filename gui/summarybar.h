// The header above the views: what is open, of which process, how much memory, how sure.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_SUMMARYBAR_H_
#define TIDEMARK_GUI_SUMMARYBAR_H_

#include <QFrame>

#include "gui/document.h"

class QLabel;

namespace tidemark::gui {

class SummaryBar : public QFrame {
  Q_OBJECT
 public:
  explicit SummaryBar(QWidget* parent = nullptr);
  // REQUIRES: snapshot is inside the series.
  void setSeries(const Series& series, int snapshot);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void applyColors();

  QLabel* m_title;
  QLabel* m_command;
  QLabel* m_facts;
  QLabel* m_warnings;
};

// "Live 12.3 MB ± 4.1 %", "RSS 40 MB"…: the header's facts about one snapshot.
QStringList summaryFacts(const Series& series, int snapshot);
// Losses and truncated stacks; empty when nothing was lost.
QStringList summaryLosses(const Summary& summary);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_SUMMARYBAR_H_
