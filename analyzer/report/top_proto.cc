#include "analyzer/report/top_proto.h"

#include <vector>

#include "analyzer/base/units.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/report/call_graph.h"

namespace tidemark::report {

absl::StatusOr<std::shared_ptr<const Profile>> TopProto(const Selection& selection) {
  const TrimmedGraph trimmed = MakeTrimmedGraph(selection, {});
  const CallGraph& graph = *trimmed.graph;
  const std::string input_unit = selection.unit();
  const ValueFormat format(input_unit, ShownValues(graph), selection.total(),
                           selection.options().unit, 1 / selection.options().divide_by);
  const auto scaled = [&](const Weight& weight) {
    return ToInt64(Scale(weight.value(), input_unit, format.output_unit()).value);
  };

  const Profile& from = selection.profile();
  ProfileBuilder builder;
  const StringId unit = builder.AddString(format.output_unit());
  builder.SetSampleTypes(
      std::vector<ValueType>{{builder.AddString("cum"), unit}, {builder.AddString("flat"), unit}});
  builder.SetTime(from.time_ns(), from.duration_ns());
  builder.SetPeriod({builder.AddString(from.string(from.period_type().type)),
                     builder.AddString(from.string(from.period_type().unit))},
                    from.period());
  for (const uint32_t node : graph.nodes()) {
    const NodeKey& key = graph.table().key(graph.key(node));
    Function function;
    function.name = builder.AddString(key.function);
    function.filename = builder.AddString(key.file);
    function.start_line = key.start_line;
    const Line line{builder.AddFunction(function), key.line, key.column};
    const LocationId location =
        builder.AddLocation(key.address, MappingId{}, /*is_folded=*/false, {&line, 1});
    const int64_t values[] = {scaled(graph.cum(node)), scaled(graph.flat(node))};
    builder.AddSample(builder.AddStack({&location, 1}), LabelSetId{0}, values);
  }
  return builder.Build();
}

}  // namespace tidemark::report
