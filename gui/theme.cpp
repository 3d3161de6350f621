#include "gui/theme.h"

namespace tidemark::gui {
namespace {

// One hue, with the lightness that reads on the palette's background.
QColor hue(int degrees, int saturation, const QPalette& palette) {
  return QColor::fromHsl(degrees, saturation, isDark(palette) ? 155 : 95);
}

}  // namespace

bool isDark(const QPalette& palette) { return palette.color(QPalette::Base).lightness() < 128; }

QColor blend(const QColor& a, const QColor& b, double t) {
  const auto mix = [t](double x, double y) { return static_cast<float>(x + (y - x) * t); };
  return QColor::fromRgbF(mix(a.redF(), b.redF()), mix(a.greenF(), b.greenF()),
                          mix(a.blueF(), b.blueF()), mix(a.alphaF(), b.alphaF()));
}

QColor dimText(const QPalette& palette) {
  return blend(palette.color(QPalette::Text), palette.color(QPalette::Base), 0.4);
}

QColor gridLine(const QPalette& palette) {
  return blend(palette.color(QPalette::Base), palette.color(QPalette::Text), 0.14);
}

QColor accent(const QPalette& palette) { return hue(212, 150, palette); }

QColor verdictColor(leaks::Verdict verdict, const QPalette& palette) {
  switch (verdict) {
    case leaks::Verdict::kLeak:
      return hue(4, 170, palette);
    case leaks::Verdict::kSuspect:
      return hue(32, 190, palette);
    case leaks::Verdict::kSteady:
      return dimText(palette);
    case leaks::Verdict::kShrinking:
      return hue(146, 120, palette);
  }
  return dimText(palette);
}

QColor containerColor(ContainerKind kind, const QPalette& palette) {
  switch (kind) {
    case ContainerKind::kMap:
      return hue(262, 110, palette);
    case ContainerKind::kSet:
      return hue(292, 100, palette);
    case ContainerKind::kSlice:
      return hue(206, 150, palette);
    case ContainerKind::kString:
      return hue(158, 130, palette);
    case ContainerKind::kDeque:
    case ContainerKind::kList:
    case ContainerKind::kQueue:
      return hue(186, 130, palette);
    case ContainerKind::kObject:
    case ContainerKind::kBuffer:
      return hue(220, 40, palette);
  }
  return dimText(palette);
}

QColor growthColor(const QPalette& palette) { return hue(4, 170, palette); }
QColor shrinkColor(const QPalette& palette) { return hue(206, 150, palette); }

QPalette darkPalette() {
  QPalette p;
  const QColor window(0x2b, 0x2d, 0x30);
  const QColor base(0x1e, 0x1f, 0x22);
  const QColor text(0xdf, 0xe1, 0xe5);
  const QColor highlight(0x2e, 0x6c, 0xc0);
  p.setColor(QPalette::Window, window);
  p.setColor(QPalette::WindowText, text);
  p.setColor(QPalette::Base, base);
  p.setColor(QPalette::AlternateBase, QColor(0x24, 0x26, 0x29));
  p.setColor(QPalette::ToolTipBase, window);
  p.setColor(QPalette::ToolTipText, text);
  p.setColor(QPalette::PlaceholderText, QColor(0x8a, 0x8d, 0x93));
  p.setColor(QPalette::Text, text);
  p.setColor(QPalette::Button, window);
  p.setColor(QPalette::ButtonText, text);
  p.setColor(QPalette::BrightText, Qt::white);
  p.setColor(QPalette::Link, QColor(0x6c, 0xa8, 0xf0));
  p.setColor(QPalette::Highlight, highlight);
  p.setColor(QPalette::HighlightedText, Qt::white);
  p.setColor(QPalette::Light, QColor(0x45, 0x48, 0x4d));
  p.setColor(QPalette::Midlight, QColor(0x3a, 0x3c, 0x40));
  p.setColor(QPalette::Mid, QColor(0x24, 0x25, 0x28));
  p.setColor(QPalette::Dark, QColor(0x1a, 0x1b, 0x1d));
  p.setColor(QPalette::Shadow, Qt::black);
  for (const QPalette::ColorRole role :
       {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
    p.setColor(QPalette::Disabled, role, QColor(0x6f, 0x73, 0x7a));
  }
  return p;
}

}  // namespace tidemark::gui
