// A registry that nobody limits: a session per user, never removed.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unordered_map>

namespace {

struct Session {
  std::string token;
  long last_seen = 0;
};

std::unordered_map<long, Session> sessions;

void Remember(long user) {
  Session& session = sessions[user];
  session.token = std::string(120, 'x');
  session.last_seen = user;
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  long user = 0;
  for (int tick = 0; tick < seconds * 100; ++tick) {
    for (int i = 0; i < 400; ++i) Remember(user++);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::printf("%zu\n", sessions.size());
}
