#include "analyzer/io/pprof_export.h"

#include <google/protobuf/arena.h>

#include "analyzer/io/inflate.h"
#include "proto/profile.pb.h"

namespace tidemark::io {
namespace {

// pprof's ids start at 1; 0 is "none".
template <typename Id>
uint64_t PprofId(Id id) {
  return id.valid() ? uint64_t{id.value} + 1 : 0;
}

void ExportTables(const Profile& p, pprof::Profile& out) {
  for (size_t i = 0; i < p.string_count(); ++i) {
    const absl::string_view s = p.string(StringId{static_cast<uint32_t>(i)});
    out.add_string_table(s.data(), s.size());
  }
  uint64_t next_id = 0;
  for (const Mapping& m : p.mappings()) {
    pprof::Mapping& to = *out.add_mapping();
    to.set_id(++next_id);
    to.set_memory_start(m.start);
    to.set_memory_limit(m.limit);
    to.set_file_offset(m.offset);
    to.set_filename(m.file.value);
    to.set_build_id(m.build_id.value);
    to.set_has_functions(m.has_functions);
    to.set_has_filenames(m.has_filenames);
    to.set_has_line_numbers(m.has_line_numbers);
    to.set_has_inline_frames(m.has_inline_frames);
  }
  next_id = 0;
  for (const Function& f : p.functions()) {
    pprof::Function& to = *out.add_function();
    to.set_id(++next_id);
    to.set_name(f.name.value);
    to.set_system_name(f.system_name.value);
    to.set_filename(f.filename.value);
    to.set_start_line(f.start_line);
  }
  for (uint32_t i = 0; i < p.locations().size(); ++i) {
    const Location& l = p.location(LocationId{i});
    pprof::Location& to = *out.add_location();
    to.set_id(uint64_t{i} + 1);
    to.set_mapping_id(PprofId(l.mapping));
    to.set_address(l.address);
    to.set_is_folded(l.is_folded);
    for (const Line& line : p.lines(LocationId{i})) {
      // pprof refuses a line without a function, and such a line says nothing.
      if (!line.function.valid()) continue;
      pprof::Line& to_line = *to.add_line();
      to_line.set_function_id(PprofId(line.function));
      to_line.set_line(line.line);
      to_line.set_column(line.column);
    }
  }
}

void ExportSamples(const Profile& p, pprof::Profile& out) {
  const size_t type_count = p.sample_types().size();
  out.mutable_sample()->Reserve(static_cast<int>(p.sample_count()));
  for (size_t i = 0; i < p.sample_count(); ++i) {
    pprof::Sample& to = *out.add_sample();
    const auto stack = p.stack(p.sample_stacks()[i]);
    to.mutable_location_id()->Reserve(static_cast<int>(stack.size()));
    for (const LocationId id : stack) to.add_location_id(PprofId(id));
    to.mutable_value()->Reserve(static_cast<int>(type_count));
    for (size_t t = 0; t < type_count; ++t) to.add_value(p.values(t)[i]);
    for (const Label& label : p.labels(p.sample_labels()[i])) {
      pprof::Label& to_label = *to.add_label();
      to_label.set_key(label.key.value);
      to_label.set_str(label.str.value);
      to_label.set_num(label.num);
      to_label.set_num_unit(label.num_unit.value);
    }
  }
}

}  // namespace

std::string ToPprof(const Profile& profile, Compression compression) {
  google::protobuf::Arena arena;
  pprof::Profile& out = *google::protobuf::Arena::CreateMessage<pprof::Profile>(&arena);
  for (const ValueType& type : profile.sample_types()) {
    pprof::ValueType& to = *out.add_sample_type();
    to.set_type(type.type.value);
    to.set_unit(type.unit.value);
  }
  ExportTables(profile, out);
  ExportSamples(profile, out);
  out.set_drop_frames(profile.drop_frames().value);
  out.set_keep_frames(profile.keep_frames().value);
  out.set_time_nanos(profile.time_ns());
  out.set_duration_nanos(profile.duration_ns());
  out.mutable_period_type()->set_type(profile.period_type().type.value);
  out.mutable_period_type()->set_unit(profile.period_type().unit.value);
  out.set_period(profile.period());
  for (const StringId comment : profile.comments()) out.add_comment(comment.value);
  out.set_default_sample_type(profile.default_sample_type().value);
  out.set_doc_url(profile.doc_url().value);
  const std::string bytes = out.SerializeAsString();
  return compression == Compression::kGzip ? Gzip(bytes) : bytes;
}

}  // namespace tidemark::io
