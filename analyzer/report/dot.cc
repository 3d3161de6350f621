#include "analyzer/report/dot.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "analyzer/report/graph_tags.h"

namespace tidemark::report {
namespace {

// Inside a quoted string of Graphviz. Line ends become its "left justified" ones.
std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\l"}});
}

absl::string_view BaseName(absl::string_view path) {
  return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

// Go's a / b: the most negative number divided by -1 is itself.
int64_t Divide(int64_t a, int64_t b) { return b == -1 ? WrappingSubtract(0, a) : a / b; }

std::string Percent(int64_t part, int64_t whole) {
  return std::string(absl::StripAsciiWhitespace(FormatPercent(part, whole)));
}

std::string HexColor(double red, double green, double blue) {
  const auto byte = [](double part) {
    return std::isnan(part) ? 0U : static_cast<unsigned>(part * 255.0);
  };
  return absl::StrFormat("#%02x%02x%02x", byte(red), byte(green), byte(blue));
}

// Red for what is much, green for what shrank, grey for what is little. score: -1..1.
std::string Color(double score, bool background) {
  constexpr double kGrey = 0.2;  // below this, colours fade
  constexpr double kRoot = 0.3;  // small scores are told apart better after a root
  const double value = background ? 0.93 : 0.7;
  double saturation = background ? 0.1 : 1.0;
  if (!std::isnan(score)) score = std::clamp(score, -1.0, 1.0);
  if (std::fabs(score) < kGrey) saturation *= std::fabs(score) / kGrey;
  if (score > 0) score = std::pow(score, kRoot);
  if (score < 0) score = -std::pow(-score, kRoot);
  double red = value;
  double green = value;
  if (score < 0) {
    red = value * (1 + saturation * score);
  } else {
    green = value * (1 - saturation * score);
  }
  return HexColor(red, green, value * (1 - saturation));
}

// A bucket of numeric tags.
struct Bucket {
  std::string name;
  int64_t flat = 0;
  int64_t cum = 0;
};

bool HeavierTag(bool by_flat, const std::pair<int64_t, int64_t>& a, absl::string_view a_name,
                const std::pair<int64_t, int64_t>& b, absl::string_view b_name) {
  const auto [a_flat, a_cum] = a;
  const auto [b_flat, b_cum] = b;
  // Where the magnitudes are the same and the values are not, pprof's order is chance.
  if (!by_flat && a_cum != b_cum) {
    if (WrappingAbs(a_cum) != WrappingAbs(b_cum)) return WrappingAbs(a_cum) > WrappingAbs(b_cum);
    return a_cum > b_cum;
  }
  if (a_flat != b_flat) {
    if (WrappingAbs(a_flat) != WrappingAbs(b_flat)) {
      return WrappingAbs(a_flat) > WrappingAbs(b_flat);
    }
    return a_flat > b_flat;
  }
  return a_name < b_name;
}

void SortTags(std::vector<Tag>* tags, bool by_flat) {
  std::sort(tags->begin(), tags->end(), [by_flat](const Tag& a, const Tag& b) {
    return HeavierTag(by_flat, {a.flat.sum, a.cum.sum}, a.name, {b.flat.sum, b.cum.sum}, b.name);
  });
}

double Distance(const Tag& a, const Tag& b) {
  return std::fabs(Scale(a.value, a.unit, b.unit).value - static_cast<double>(b.value));
}

Bucket MakeBucket(const std::vector<const Tag*>& tags) {
  Bucket bucket;
  const Tag* least = tags.front();
  const Tag* most = tags.front();
  Weight flat, cum;
  for (const Tag* tag : tags) {
    if (tag->value < least->value) least = tag;
    if (tag->value > most->value) most = tag;
    flat += tag->flat;
    cum += tag->cum;
  }
  bucket.name = ScaledLabel(least->value, least->unit, "auto");
  if (tags.size() > 1) {
    absl::StrAppend(&bucket.name, "..", ScaledLabel(most->value, most->unit, "auto"));
  }
  bucket.flat = flat.value();
  bucket.cum = cum.value();
  return bucket;
}

// At most kMaxNodelets: the heaviest numbers, and each other one with the nearest of them.
std::vector<Bucket> Buckets(std::vector<Tag> tags, bool by_flat) {
  SortTags(&tags, by_flat);
  std::vector<Bucket> buckets;
  if (tags.size() <= kMaxNodelets) {
    for (const Tag& tag : tags) buckets.push_back({tag.name, tag.flat.value(), tag.cum.value()});
    return buckets;
  }
  std::vector<std::vector<const Tag*>> groups(kMaxNodelets);
  for (size_t i = 0; i < tags.size(); ++i) {
    size_t nearest = i;
    if (i >= kMaxNodelets) {
      nearest = 0;
      for (size_t g = 1; g < kMaxNodelets; ++g) {
        if (Distance(tags[i], *groups[g][0]) < Distance(tags[i], *groups[nearest][0])) nearest = g;
      }
    }
    groups[nearest].push_back(&tags[i]);
  }
  for (const auto& group : groups) buckets.push_back(MakeBucket(group));
  std::sort(buckets.begin(), buckets.end(), [by_flat](const Bucket& a, const Bucket& b) {
    return HeavierTag(by_flat, {a.flat, a.cum}, a.name, {b.flat, b.cum}, b.name);
  });
  return buckets;
}

class DotWriter {
 public:
  DotWriter(const TrimmedGraph& trimmed, const ValueFormat& format)
      : graph_(*trimmed.graph),
        tag_cutoff_(trimmed.tag_cutoff),
        format_(format),
        total_(graph_.selection().total()),
        ids_(graph_.node_count(), 0),
        has_nodelets_(graph_.node_count(), false) {}

  std::string Write(const std::vector<std::string>& legend) {
    const Profile& profile = graph_.selection().profile();
    std::string title;
    if (!profile.mappings().empty()) {
      title = Escape(BaseName(profile.string(profile.mappings().front().file)));
    }
    absl::StrAppend(&out_, "digraph \"", title.empty() ? "unnamed" : title,
                    "\" {\nnode [style=filled fillcolor=\"#f8f8f8\"]\n");
    AddLegend(legend, title);
    AddNodes();
    AddEdges();
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  void AddLegend(const std::vector<std::string>& legend, const std::string& title) {
    if (legend.empty()) return;
    absl::StrAppend(&out_, "subgraph cluster_L { \"", Escape(legend[0]),
                    "\" [shape=box fontsize=16 label=\"");
    for (const std::string& line : legend) absl::StrAppend(&out_, Escape(line), "\\l");
    out_ += "\"";
    if (!title.empty()) absl::StrAppend(&out_, " tooltip=\"", title, "\"");
    out_ += "] }\n";
  }

  void AddNodes() {
    const std::vector<uint32_t>& nodes = graph_.nodes();
    int64_t max_flat = 0;
    for (size_t i = 0; i < nodes.size(); ++i) {
      ids_[nodes[i]] = i + 1;
      max_flat = std::max(max_flat, WrappingAbs(graph_.flat(nodes[i]).value()));
    }
    const std::vector<NodeTags> tags = CollectTags(graph_, nodes, tag_cutoff_);
    for (size_t i = 0; i < nodes.size(); ++i) {
      AddNode(nodes[i], max_flat);
      has_nodelets_[nodes[i]] = AddNodelets(nodes[i], tags[i]);
    }
  }

  void AddNode(uint32_t node, int64_t max_flat) {
    const int64_t flat = graph_.flat(node).value();
    const int64_t cum = graph_.cum(node).value();
    std::string label = LabelOf(node);
    std::string cum_text = Text(flat);
    if (flat != 0) {
      absl::StrAppend(&label, cum_text, " (", Percent(flat, total_), ")");
    } else {
      label += "0";
    }
    if (cum != flat) {
      cum_text = Text(cum);
      absl::StrAppend(&label, flat != 0 ? "\\n" : " ", "of ", cum_text, " (", Percent(cum, total_),
                      ")");
    }

    constexpr int kSmallest = 8;  // points
    constexpr double kGrowth = 16;
    int font_size = kSmallest;
    if (const int64_t size = WrappingAbs(flat); size > 0) {
      const double part = static_cast<double>(size) / static_cast<double>(max_flat);
      font_size += static_cast<int>(std::ceil(kGrowth * std::sqrt(part)));
    }
    const double score = Score(cum);
    absl::StrAppendFormat(&out_,
                          "N%1$d [label=\"%2$s\" id=\"node%1$d\" fontsize=%3$d shape=box "
                          "tooltip=\"%4$s (%5$s)\" color=\"%6$s\" fillcolor=\"%7$s\"]\n",
                          ids_[node], label, font_size, Escape(graph_.name(node)), cum_text,
                          Color(score, false), Color(score, true));
  }

  // The name on several lines, without what the function's package says.
  std::string LabelOf(uint32_t node) const {
    NodeKey key = graph_.table().key(graph_.key(node));
    // Go's "[...]" for type parameters is no separator.
    const std::string function =
        absl::StrReplaceAll(absl::StrReplaceAll(Escape(ShortFunctionName(key.function)),
                                                {{"::", "\\n"}, {"[...]", "[…]"}}),
                            {{".", "\\n"}});
    const std::string file = Escape(BaseName(key.file));
    const std::string module = Escape(key.module);
    key.function = function;
    key.file = file;
    key.module = module;
    return NodeTable::Name(key, "\\n") + "\\n";
  }

  // Boxes for the labels of the node's samples. A leaf has those of what was trimmed
  // below it too.
  bool AddNodelets(uint32_t node, const NodeTags& tags) {
    const size_t before = out_.size();
    const bool by_flat = !graph_.callees(node).empty();
    const std::string id = absl::StrCat("N", ids_[node]);
    std::vector<Tag> labels = tags.labels;
    SortTags(&labels, by_flat);
    if (labels.size() > kMaxNodelets) labels.resize(kMaxNodelets);
    for (size_t i = 0; i < labels.size(); ++i) {
      const int64_t value = (by_flat ? labels[i].flat : labels[i].cum).value();
      if (value == 0) continue;
      const std::string box = absl::StrCat(id, "_", i);
      AddBox(id, box, box, labels[i].name, value, "");
      if (const auto it = tags.numbers.find(labels[i].name); it != tags.numbers.end()) {
        AddNumbers(box, it->second, by_flat);
      }
    }
    if (const auto it = tags.numbers.find(""); it != tags.numbers.end()) {
      AddNumbers(id, it->second, by_flat);
    }
    return out_.size() > before;
  }

  void AddNumbers(const std::string& source, const std::vector<Tag>& numbers, bool by_flat) {
    const std::vector<Bucket> buckets = Buckets(numbers, by_flat);
    for (size_t i = 0; i < buckets.size(); ++i) {
      const bool flat = by_flat || buckets[i].flat == buckets[i].cum;
      const int64_t value = flat ? buckets[i].flat : buckets[i].cum;
      if (value == 0) continue;
      AddBox(source, absl::StrCat("N", source, "_", i), absl::StrCat("N", source, "_", i),
             Escape(buckets[i].name), value, flat ? "" : " style=\"dotted\"");
    }
  }

  void AddBox(const std::string& source, const std::string& box, const std::string& id,
              const std::string& label, int64_t value, absl::string_view style) {
    const std::string weight = Text(value);
    absl::StrAppend(&out_, box, " [label = \"", label, "\" id=\"", id,
                    "\" fontsize=8 shape=box3d tooltip=\"", weight, "\"]\n", source, " -> ", box,
                    " [label=\" ", weight, "\" weight=100 tooltip=\"", weight, "\" labeltooltip=\"",
                    weight, "\"", style, "]\n");
  }

  // Heaviest first: a hint for the layout.
  void AddEdges() {
    std::vector<uint32_t> edges;
    for (const uint32_t node : graph_.nodes()) {
      const auto callees = graph_.callees(node);
      edges.insert(edges.end(), callees.begin(), callees.end());
    }
    graph_.SortEdges(&edges);
    for (const uint32_t id : edges) AddEdge(graph_.edge(id));
  }

  void AddEdge(const CallEdge& edge) {
    const int64_t value = edge.weight.value();
    const std::string text = Text(value);
    absl::StrAppend(&out_, "N", ids_[edge.caller], " -> N", ids_[edge.callee], " [label=\" ", text,
                    edge.inlined ? "\\n (inline)" : "", "\"");
    if (total_ != 0) {
      const auto part_of = [&](int64_t most) {
        return std::min(WrappingAbs(Divide(WrappingMultiply(value, most), total_)), most);
      };
      if (const int64_t weight = part_of(100); weight > 0) {
        absl::StrAppend(&out_, " weight=", weight + 1);
      }
      if (const int64_t width = part_of(5); width > 0) {
        absl::StrAppend(&out_, " penwidth=", width + 1);
      }
      absl::StrAppend(&out_, " color=\"", Color(Score(value), false), "\"");
    }
    const std::string tooltip =
        absl::StrCat("\"", Escape(graph_.name(edge.caller)), edge.residual ? " ... " : " -> ",
                     Escape(graph_.name(edge.callee)), " (", text, ")\"");
    absl::StrAppend(&out_, " tooltip=", tooltip, " labeltooltip=", tooltip,
                    edge.residual ? " style=\"dotted\"" : "",
                    has_nodelets_[edge.caller] ? " minlen=2" : "", "]\n");
  }

  static int64_t WrappingMultiply(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }

  // A unit may be any word.
  std::string Text(int64_t value) const { return Escape(format_.Format(value)); }

  double Score(int64_t value) const {
    return static_cast<double>(value) / static_cast<double>(WrappingAbs(total_));
  }

  const CallGraph& graph_;
  const int64_t tag_cutoff_;
  const ValueFormat& format_;
  const int64_t total_;
  std::vector<size_t> ids_;  // [node] from 1; 0 for nodes that are not shown
  std::vector<bool> has_nodelets_;
  std::string out_;
};

}  // namespace

std::string ShortFunctionName(absl::string_view name) {
  const auto regex = [](const char* pattern) {
    // Bytes, so that names that are not UTF-8 match too.
    return new RE2(pattern, RE2::Latin1);
  };
  static const RE2& kAnonymous = *regex(R"(^\(anonymous namespace\)::)");
  static const RE2& kGoVersion = *regex(R"(^(.*?)/v(?:[2-9]|[1-9][0-9]+)([./].*)$)");
  static const RE2* const kPatterns[] = {
      regex(R"(^(?:[\w\-\.]+\/)+([^.]+\..+))"),  // Go
      regex(R"(^(?:[a-z]\w*\.)*([A-Z][\w\$]*\.(?:<init>|[a-z][\w\$]*(?:\$\d+)?))(?:(?:\()|$))"),
      regex(R"(^(?:[_a-zA-Z]\w*::)+(_*[A-Z]\w*::~?[_a-zA-Z]\w*(?:<.*>)?))"),  // C++
  };
  std::string text(name);
  RE2::Replace(&text, kAnonymous, "");
  RE2::Replace(&text, kGoVersion, "\\1\\2");
  for (const RE2* pattern : kPatterns) {
    std::string matched;
    if (RE2::PartialMatch(text, *pattern, &matched)) return matched;
  }
  return text;
}

TrimmedGraph PictureGraph(const Selection& selection) {
  GraphTrim trim;
  trim.picture = true;
  if (selection.options().call_tree) trim.shape = CallGraph::Shape::kTree;
  return MakeTrimmedGraph(selection, trim);
}

std::string Dot(const TrimmedGraph& trimmed, const std::vector<std::string>& legend,
                const ValueFormat& format) {
  return DotWriter(trimmed, format).Write(legend);
}

}  // namespace tidemark::report
