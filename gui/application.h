// What `tidemark-gui` does with its command line: opens the window, or renders it to a
// file and leaves.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_APPLICATION_H_
#define TIDEMARK_GUI_APPLICATION_H_

namespace tidemark::gui {

// The whole program. Exit status: 0 fine, 2 usage, 3 bad input, 4 the system refused
// (no display, the picture could not be written). Errors are one line on stderr.
int runApplication(int argc, char** argv);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_APPLICATION_H_
