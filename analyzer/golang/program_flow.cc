#include "analyzer/golang/program_flow.h"

#include <elf.h>

#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace tidemark::golang {
namespace {

constexpr uint64_t kCallBytes = 5;  // E8 and the distance
constexpr uint8_t kCallOpcode = 0xe8;
constexpr size_t kMostFlows = 64;
// However often functions are asked about, and however they overlap in a file made to harm,
// this many bytes of code are followed, and twice all that there is.
constexpr uint64_t kCodeBudget = uint64_t{16} << 20;

bool StartsWithAny(absl::string_view name, std::initializer_list<absl::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

CallEffect EffectOf(absl::string_view name) {
  if (StartsWithAny(name, {"runtime.panic", "runtime.goPanic", "runtime.gopanic", "runtime.throw",
                           "runtime.fatal"})) {
    return CallEffect::kNoReturn;
  }
  if (absl::StartsWith(name, "runtime.morestack")) return CallEffect::kNone;
  if (absl::StartsWith(name, "runtime.gcWriteBarrier")) return CallEffect::kBarrier;
  if (absl::StartsWith(name, "runtime.duff")) return CallEffect::kBlock;
  return CallEffect::kOrdinary;
}

bool TakesMap(absl::string_view name) {
  return StartsWithAny(name, {"runtime.mapassign", "runtime.mapaccess", "runtime.mapdelete",
                              "runtime.mapclear", "runtime.mapiterinit", "runtime.mapIterStart"});
}

}  // namespace

ProgramFlow::ProgramFlow(const GoBinary& binary) : binary_(binary), budget_bytes_(kCodeBudget) {
  for (const ElfImage::Segment& segment : binary.image().segments()) {
    if (segment.executable) budget_bytes_ += 2 * segment.bytes.size();
  }
}

std::optional<Function> ProgramFlow::FunctionOf(uint64_t return_address) const {
  return binary_.FunctionAt(return_address - 1);
}

std::optional<Function> ProgramFlow::Callee(uint64_t return_address) const {
  const absl::Span<const uint8_t> code =
      binary_.image().BytesAt(return_address - kCallBytes, kCallBytes);
  if (binary_.image().machine() != EM_X86_64 || code.empty() || code[0] != kCallOpcode) {
    return std::nullopt;
  }
  const int64_t distance = static_cast<int32_t>(Load32(code, 1));
  const uint64_t target = return_address + static_cast<uint64_t>(distance);
  const std::optional<Function> function = binary_.FunctionAt(target);
  if (!function || function->entry != target) return std::nullopt;
  return function;
}

CallFacts ProgramFlow::FactsOf(uint64_t target) {
  auto [it, inserted] = facts_.try_emplace(target);
  CallFacts& facts = it->second;
  if (!inserted) return facts;
  const std::optional<Function> function = binary_.FunctionAt(target);
  if (!function) return facts;
  facts.effect = EffectOf(function->name);
  if (function->entry != target) return facts;
  facts.is_go = !IsRuntimeFunction(function->name);
  facts.takes_map = TakesMap(function->name);
  facts.entry = FindRuntimeEntry(function->name);
  return facts;
}

FlowPtr ProgramFlow::FlowAt(uint64_t address) {
  if (binary_.image().machine() != EM_X86_64) return nullptr;
  const std::optional<Function> function = binary_.FunctionAt(address);
  if (!function) return nullptr;
  for (auto it = flows_.begin(); it != flows_.end(); ++it) {
    if (it->entry != function->entry) continue;
    flows_.splice(flows_.begin(), flows_, it);
    return it->flow;
  }
  FlowQuery query;
  query.entry = function->entry;
  query.code = binary_.image().BytesAt(function->entry, function->end - function->entry);
  if (query.code.size() > budget_bytes_) return nullptr;
  budget_bytes_ -= query.code.size();
  query.effect = [this](uint64_t target) { return FactsOf(target).effect; };
  query.pointer = [this](uint64_t at) { return binary_.image().Pointer(at).value_or(0); };
  auto flow = std::make_shared<const FunctionFlow>(FollowValues(decoder_, query));
  flows_.push_front({function->entry, flow});
  if (flows_.size() > kMostFlows) flows_.pop_back();
  return flow;
}

std::pair<FlowPtr, const CallRecord*> ProgramFlow::CallOf(const StackFrame& frame) {
  frames_used = std::max(frames_used, frame.index + 2);
  if (frame.index + 1 >= frame.return_addresses.size()) return {nullptr, nullptr};
  const std::optional<Function> called = FunctionOf(frame.return_address());
  const uint64_t outer = frame.return_addresses[frame.index + 1];
  FlowPtr flow = FlowAt(outer - 1);
  if (!called || flow == nullptr) return {nullptr, nullptr};
  const CallRecord* const call = flow->CallReturningTo(outer);
  if (call == nullptr || call->target != called->entry) return {nullptr, nullptr};
  return {std::move(flow), call};
}

}  // namespace tidemark::golang
