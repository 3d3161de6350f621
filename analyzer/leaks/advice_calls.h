// What a language offers for the things that advice suggests, as the end of "Consider …".
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_ADVICE_CALLS_H_
#define TIDEMARK_ANALYZER_LEAKS_ADVICE_CALLS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "analyzer/leaks/container_use.h"
#include "analyzer/report/language.h"

namespace tidemark::leaks {

// REQUIRES of all: the use has a container.
bool IsMapOrSet(const ContainerUse& use);
bool IsArray(const ContainerUse& use);  // slice, string, buffer
bool HoldsNodes(const ContainerUse& use);

std::string ReserveCall(const ContainerUse& use);  // empty: there is none
std::string ShrinkCall(const ContainerUse& use);
std::string ReuseCall(const ContainerUse& use);
std::string InternCall(report::Language language);

// The size of an element type that the language fixes on 64-bit machines; 0: not known.
double ElementBytes(report::Language language, absl::string_view element);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_ADVICE_CALLS_H_
