#include "gui/summarybar.h"

#include <QDateTime>
#include <QEvent>
#include <QFileInfo>
#include <QLabel>
#include <QVBoxLayout>

#include "gui/format.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

QString durationText(qint64 ns) {
  const qint64 seconds = ns / 1000000000;
  if (seconds < 60) return SummaryBar::tr("%1 s").arg(seconds);
  if (seconds < 3600) return SummaryBar::tr("%1 min %2 s").arg(seconds / 60).arg(seconds % 60);
  return SummaryBar::tr("%1 h %2 min").arg(seconds / 3600).arg(seconds / 60 % 60);
}

// In-use bytes of a snapshot; absent for profiles of other things.
std::optional<double> liveBytes(const Profile& profile) {
  int type = profile.FindSampleType("inuse_space");
  if (type < 0) return std::nullopt;
  double sum = 0;
  for (const int64_t value : profile.values(static_cast<size_t>(type))) {
    sum += static_cast<double>(value);
  }
  return sum;
}

}  // namespace

QStringList summaryFacts(const Series& series, int index) {
  const Snapshot& snapshot = series.snapshots[static_cast<size_t>(index)];
  const Profile& profile = *snapshot.profile;
  const Summary& summary = snapshot.summary;
  QStringList facts;
  if (const auto live = liveBytes(profile)) {
    QString text = SummaryBar::tr("Live %1").arg(bytesText(*live));
    // The ranking's intervals are the newest snapshot's.
    if (series.ranking.ok() && static_cast<size_t>(index) == series.newest()) {
      const LiveEstimate estimate = estimateLive(*series.ranking);
      if (estimate.error && *live > 0) {
        text +=
            QLatin1Char(' ') + errorText(*live, *live - *estimate.error, *live + *estimate.error);
      }
    }
    facts << text;
    if (summary.rssBytes && *summary.rssBytes > 0) {
      facts << SummaryBar::tr("%1 % of RSS %2")
                   .arg(countText(qRound64(*live / static_cast<double>(*summary.rssBytes) * 100)),
                        bytesText(static_cast<double>(*summary.rssBytes)));
    }
    if (summary.anonymousBytes && *summary.anonymousBytes > 0) {
      facts << SummaryBar::tr("anonymous %1")
                   .arg(bytesText(static_cast<double>(*summary.anonymousBytes)));
    }
  }
  if (summary.exact) {
    facts << SummaryBar::tr("exact");
  } else if (profile.period() > 1 && profile.string(profile.period_type().unit) == "bytes") {
    facts
        << SummaryBar::tr("sampled every %1").arg(bytesText(static_cast<double>(profile.period())));
  }
  if (summary.liveSamples) {
    facts << SummaryBar::tr("%1 live samples").arg(countText(*summary.liveSamples));
  }
  if (profile.duration_ns() > 0) {
    facts << SummaryBar::tr("after %1").arg(durationText(profile.duration_ns()));
  }
  if (series.snapshots.size() > 1) {
    facts << SummaryBar::tr("%1 snapshots").arg(series.snapshots.size());
  }
  return facts;
}

QStringList summaryLosses(const Summary& summary) {
  QStringList losses;
  const bool countsTruncated = summary.truncatedSamples && *summary.truncatedSamples > 0;
  for (const auto& [name, count] : summary.losses) {
    if (countsTruncated && name == QLatin1String("stack_truncated")) continue;
    losses << SummaryBar::tr("lost: %1 %2")
                  .arg(QString(name).replace(QLatin1Char('_'), QLatin1Char(' ')), countText(count));
  }
  if (countsTruncated) {
    QString text = SummaryBar::tr("truncated stacks: %1").arg(countText(*summary.truncatedSamples));
    if (summary.samples && *summary.samples > 0) {
      const double percent = 100.0 * static_cast<double>(*summary.truncatedSamples) /
                             static_cast<double>(*summary.samples);
      text += percent < 0.1 ? SummaryBar::tr(" (below 0.1 %)")
                            : SummaryBar::tr(" (%1 %)").arg(QString::number(percent, 'f', 1));
    }
    losses << text;
  }
  return losses;
}

SummaryBar::SummaryBar(QWidget* parent) : QFrame(parent) {
  m_title = new QLabel;
  QFont large = font();
  large.setPointSizeF(large.pointSizeF() * 1.25);
  large.setBold(true);
  m_title->setFont(large);
  m_command = new QLabel;
  m_facts = new QLabel;
  m_warnings = new QLabel;
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(12, 8, 12, 8);
  layout->setSpacing(3);
  for (QLabel* label : {m_title, m_command, m_facts, m_warnings}) {
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    // A long path or command line must not widen the window.
    label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    layout->addWidget(label);
  }
  applyColors();
}

void SummaryBar::applyColors() {
  const auto tint = [](QLabel* label, const QColor& color) {
    QPalette colors;
    colors.setColor(QPalette::WindowText, color);
    label->setPalette(colors);
  };
  tint(m_command, dimText(palette()));
  tint(m_warnings, verdictColor(leaks::Verdict::kSuspect, palette()));
}

void SummaryBar::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) applyColors();
  QFrame::changeEvent(event);
}

void SummaryBar::setSeries(const Series& series, int index) {
  const Snapshot& snapshot = series.snapshots[static_cast<size_t>(index)];
  QString title = QFileInfo(snapshot.path).fileName();
  if (snapshot.summary.pid) title += tr("  ·  process %1").arg(*snapshot.summary.pid);
  if (snapshot.profile->time_ns() > 0) {
    const QDateTime time = QDateTime::fromMSecsSinceEpoch(snapshot.profile->time_ns() / 1000000);
    title += QStringLiteral("  ·  ") + time.toString(QStringLiteral("yyyy-MM-dd HH:mm:ss"));
  }
  m_title->setText(title);
  m_title->setToolTip(snapshot.path);
  m_command->setText(snapshot.summary.commandLine);
  m_command->setToolTip(snapshot.summary.commandLine);
  m_command->setVisible(!snapshot.summary.commandLine.isEmpty());
  m_facts->setText(summaryFacts(series, index).join(QStringLiteral("   ·   ")));

  QStringList warnings = summaryLosses(snapshot.summary);
  if (series.ranking.ok()) {
    for (const std::string& note : series.ranking->notes) warnings << toQString(note);
  }
  if (!series.warnings.isEmpty()) {
    warnings << (series.warnings.size() == 1
                     ? series.warnings.first()
                     : tr("%1 modules without symbols").arg(series.warnings.size()));
  }
  m_warnings->setText(warnings.join(QStringLiteral("   ·   ")));
  m_warnings->setToolTip((warnings + series.warnings).join(QLatin1Char('\n')));
  m_warnings->setVisible(!warnings.isEmpty());
}

}  // namespace tidemark::gui
