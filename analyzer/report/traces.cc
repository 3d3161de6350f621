#include "analyzer/report/traces.h"

namespace tidemark::report {

namespace {

// pprof's traces show file names as they are.
Options Untrimmed(Options options) {
  options.trim_path.clear();
  options.source_path.clear();
  return options;
}

}  // namespace

Traces::Traces(const Selection& selection)
    : selection_(selection),
      nodes_(Untrimmed(selection.options()), NodeTable::Unknown::kByModule, /*rebase=*/false),
      location_nodes_(nodes_.Add(selection.filtered())) {}

void Traces::ForEach(absl::FunctionRef<bool(const Trace&)> visit) const {
  const Profile& profile = selection_.profile();
  const FilteredProfile& filtered = selection_.filtered();
  std::vector<TraceFrame> frames;
  std::vector<Label> labels;
  for (size_t s = 0; s < profile.sample_count(); ++s) {
    if (!filtered.keeps_sample(s)) continue;
    frames.clear();
    for (const LocationId location : filtered.stack(profile.sample_stacks()[s])) {
      if (filtered.hidden(location)) continue;
      const auto nodes = location_nodes_.of(location);
      for (uint32_t i = 0; i < nodes.size(); ++i) {
        frames.push_back({location, i, nodes[i], i + 1 < nodes.size()});
      }
    }
    if (frames.empty()) continue;
    labels.clear();
    for (const Label& label : profile.labels(profile.sample_labels()[s])) {
      if (filtered.shows_label(label.key)) labels.push_back(label);
    }
    if (!visit({s, frames, labels})) return;
  }
}

}  // namespace tidemark::report
