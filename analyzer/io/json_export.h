// A whole profile as one JSON document, schema "tidemark.profile/1".

#ifndef TIDEMARK_ANALYZER_IO_JSON_EXPORT_H_
#define TIDEMARK_ANALYZER_IO_JSON_EXPORT_H_

#include <string>

#include "analyzer/model/profile.h"

namespace tidemark::io {

// `sample_type`, `unit` and `total` (the sum of magnitudes) are the default sample type's;
// `sample_types` lists all, in the order of each row's `values`. Every row is one sample
// and stands alone: `stack` (frames leaf first, inlined ones included), `values`, and
// `labels` {key: [strings or numbers]}; units of numeric labels are in `label_units`
// {key: unit}, first seen wins. Bytes that are not UTF-8 are replaced.
std::string ToJson(const Profile& profile);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_JSON_EXPORT_H_
