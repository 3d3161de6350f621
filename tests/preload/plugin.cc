// A C++ plugin for a host that knows nothing of C++.

#include <stdexcept>
#include <string>
#include <vector>

extern "C" int RunPlugin(int rounds) {
  int caught = 0;
  std::vector<std::string> texts;
  for (int i = 0; i < rounds; ++i) {
    texts.push_back(std::string(static_cast<std::size_t>(10000 + i), 'x'));
    try {
      if (i % 2 == 0) throw std::runtime_error(texts.back());
    } catch (const std::exception& e) {
      caught += std::string(e.what()).size() == texts.back().size() ? 1 : 0;
    }
  }
  return caught;
}
