// The escape path of a site: from the frame that allocated, through each frame the
// memory outlived, to the frame or owner that still holds it, every step with its
// evidence. From measured `outlives` labels; inferred steps are marked as such.
//
// Words: *outlives*: the allocation was still live after that frame returned.
// *Escape point*: the outermost frame it outlived. *Owner*: the innermost frame not
// known to have returned; a block never freed has the process as owner.

#ifndef TIDEMARK_ANALYZER_ESCAPE_PATH_GRAPH_H_
#define TIDEMARK_ANALYZER_ESCAPE_PATH_GRAPH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/frame.h"

namespace tidemark::escape {

enum class NodeRole { kAllocation, kContainer, kSite, kOutlived, kEscapePoint, kOwner };

struct Node {
  NodeRole role = NodeRole::kOutlived;
  std::string title;    // function, "map<string, Session>", "process"
  std::string detail;   // file:line, or what is known of it
  report::Frame frame;  // empty for kContainer and the process
  int64_t bytes = 0;    // live bytes that reach this node
};

struct Edge {
  uint32_t from = 0;  // into EscapeSite::nodes
  uint32_t to = 0;
  std::string how;  // "allocated in", "stored in", "outlived", "held by"
  Evidence evidence = Evidence::kMeasured;
  int64_t bytes = 0;
};

struct EscapeSite {
  report::Frame site;
  std::optional<Container> container;
  int64_t bytes = 0;    // live bytes of the site
  int64_t samples = 0;  // raw live samples behind it
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  std::optional<report::Frame> escape_point;  // absent: nothing is known to have returned
  std::string owner;                          // function, or "process"
  std::string explanation;                    // one or two sentences with their numbers
};

struct Options {
  size_t limit = 10;              // sites, most live bytes first
  std::string focus;              // only sites whose site frame's function matches (regex)
  const Profile* base = nullptr;  // rank by growth over this profile instead of live bytes
};

// kInvalidArgument for a bad regex; kFailedPrecondition for a profile that was not
// classified or has no in-use type. A profile without evidence gives sites whose steps
// are all inferred from the stack, and says so in `explanation`.
absl::StatusOr<std::vector<EscapeSite>> FindEscapes(const Profile& profile, const Options& options);

}  // namespace tidemark::escape

#endif  // TIDEMARK_ANALYZER_ESCAPE_PATH_GRAPH_H_
