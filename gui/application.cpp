#include "gui/application.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QSettings>
#include <cstdio>
#include <cstring>

#include "gui/mainwindow.h"
#include "gui/screenshot.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

enum ExitStatus { kFine = 0, kUsage = 2, kBadInput = 3, kRefused = 4 };

int fail(const QString& line, ExitStatus status) {
  std::fprintf(stderr, "%s\n", line.toLocal8Bit().constData());
  return status;
}

// Without a display Qt has remarks on standard error that are nobody's business.
void onlyErrors(QtMsgType type, const QMessageLogContext&, const QString& message) {
  if (type == QtCriticalMsg || type == QtFatalMsg)
    fail(QStringLiteral("tidemark: ") + message, kFine);
}

bool hasArgument(int argc, char** argv, const char* name) {
  const size_t length = std::strlen(name);
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], name, length) == 0 &&
        (argv[i][length] == '\0' || argv[i][length] == '=')) {
      return true;
    }
  }
  return false;
}

// Qt picks its platform before there is a parser: decide from the bare arguments. False
// when there is nowhere to show a window; Qt then works without a display, which is enough
// to parse the command line and to take pictures.
bool choosePlatform(int argc, char** argv) {
  const bool headless = hasArgument(argc, argv, "--screenshot");
  const bool chosen =
      qEnvironmentVariableIsSet("QT_QPA_PLATFORM") || hasArgument(argc, argv, "-platform");
  const bool display =
      !qEnvironmentVariableIsEmpty("DISPLAY") || !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY");
  // A picture must not depend on the desktop it is taken on.
  if (!chosen && (headless || !display)) qputenv("QT_QPA_PLATFORM", "offscreen");
  if (headless || !display) qInstallMessageHandler(onlyErrors);
  return chosen || display;
}

}  // namespace

int runApplication(int argc, char** argv) {
  const bool canShow = choosePlatform(argc, argv);
  QApplication app(argc, argv);
  QApplication::setApplicationName(QStringLiteral("tidemark-gui"));
  QApplication::setApplicationDisplayName(QStringLiteral("Tidemark"));
  QApplication::setOrganizationName(QStringLiteral("tidemark"));
  QApplication::setApplicationVersion(QStringLiteral(TIDEMARK_VERSION));

  QCommandLineParser parser;
  parser.setApplicationDescription(
      QStringLiteral("Shows heap profiles: leaks, flame graph, escape paths, differences.\n"
                     "Several files of one process make a series, in the order of their times."));
  const QCommandLineOption help = parser.addHelpOption();
  const QCommandLineOption version = parser.addVersionOption();
  const QCommandLineOption baseOption(QStringLiteral("base"),
                                      QStringLiteral("Compare with this snapshot. Default: the "
                                                     "oldest of several files."),
                                      QStringLiteral("FILE"));
  const QCommandLineOption viewOption(QStringLiteral("view"),
                                      QStringLiteral("leaks (default), flame, escape or diff."),
                                      QStringLiteral("NAME"), QStringLiteral("leaks"));
  const QCommandLineOption screenshotOption(
      QStringLiteral("screenshot"),
      QStringLiteral("Write the window as a PNG of 1400x900 and exit; needs no display."),
      QStringLiteral("OUT.png"));
  const QCommandLineOption darkOption(QStringLiteral("dark"), QStringLiteral("Dark colours."));
  parser.addOptions({baseOption, viewOption, screenshotOption, darkOption});
  parser.addPositionalArgument(QStringLiteral("FILE"),
                               QStringLiteral("Profiles, or directories of profiles."),
                               QStringLiteral("[FILE…]"));
  if (!parser.parse(QApplication::arguments())) {
    return fail(QStringLiteral("tidemark: usage: ") + parser.errorText(), kUsage);
  }
  if (parser.isSet(version)) parser.showVersion();
  if (parser.isSet(help)) parser.showHelp(kFine);
  const std::optional<MainWindow::View> view = viewFromName(parser.value(viewOption));
  if (!view) {
    return fail(
        QStringLiteral("tidemark: usage: no view is called \"%1\" (leaks, flame, escape, diff)")
            .arg(parser.value(viewOption)),
        kUsage);
  }
  const OpenRequest request{parser.positionalArguments(), parser.value(baseOption)};
  if (request.paths.isEmpty() && (parser.isSet(screenshotOption) || parser.isSet(baseOption))) {
    return fail(QStringLiteral("tidemark: usage: no FILE given"), kUsage);
  }

  if (parser.isSet(darkOption)) QApplication::setPalette(darkPalette());
  if (parser.isSet(screenshotOption)) {
    bool badInput = false;
    const QString error = takeScreenshot(request, *view, parser.value(screenshotOption), &badInput);
    return error.isEmpty() ? kFine : fail(error, badInput ? kBadInput : kRefused);
  }
  if (!canShow) {
    return fail(QStringLiteral("tidemark: cannot open a window: no display (DISPLAY and "
                               "WAYLAND_DISPLAY are not set; --screenshot needs none)"),
                kRefused);
  }
  QSettings settings;
  MainWindow window(&settings);
  window.showView(*view);
  window.show();
  if (!request.paths.isEmpty()) window.open(request);
  return QApplication::exec();
}

}  // namespace tidemark::gui
