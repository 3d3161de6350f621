#include "analyzer/cli/application.h"

int main(int argc, char** argv) { return tidemark::cli::Run(argc, argv); }
