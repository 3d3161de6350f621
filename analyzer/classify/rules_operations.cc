// What the member functions of containers do, whatever their language.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr OperationRule kOperations[] = {
    // Growth of what stands behind the elements.
    {"_M_realloc_insert*", kGrow},
    {"_M_realloc_append*", kGrow},
    {"_M_rehash*", kRehash},
    {"_M_reallocate_map", kGrow},
    {"_M_reserve_map_at*", kGrow},
    {"_M_default_append", kGrow},
    {"_M_fill_append", kGrow},
    {"_M_range_insert*", kGrow},
    {"_M_fill_insert", kGrow},
    {"_M_insert_aux", kGrow},
    {"_M_reallocate", kGrow},
    {"_M_mutate", kGrow},
    {"_M_append*", kGrow},
    {"reserve*", kGrow},
    {"resize*", kGrow},
    {"rehash*", kRehash},
    {"append*", kGrow},
    {"operator+=", kGrow},
    {"grow*", kGrow},
    {"shrink_to_fit", kGrow},
    {"overflow", kGrow},
    {"do_reserve_and_handle", kGrow},
    {"finish_grow", kGrow},
    {"extend*", kGrow},
    {"set_len*", kGrow},
    {"realloc*", kGrow},
    {"__push_back_slow_path*", kGrow},
    {"__emplace_back_slow_path*", kGrow},
    // Elements.
    {"_M_emplace*", kInsert},
    {"_M_insert*", kInsert},
    {"_M_push_back_aux*", kInsert},
    {"_M_push_front_aux*", kInsert},
    {"emplace*", kInsert},
    {"try_emplace*", kInsert},
    {"insert*", kInsert},
    {"push*", kInsert},
    {"operator[]", kInsert},
    {"entry", kInsert},
    {"prepare_insert", kInsert},
    {"splice*", kInsert},
    {"LookupBucketFor", kInsert},
    {"__emplace_unique*", kInsert},
    // Copies.
    {"operator=", kCopy},
    {"_M_copy*", kCopy},
    {"_M_clone*", kCopy},
    {"_M_assign*", kCopy},
    {"_M_allocate_and_copy*", kCopy},
    {"assign*", kCopy},
    {"replace*", kCopy},
    {"_M_replace*", kCopy},
    {"clone", kCopy},
    {"to_vec*", kCopy},
    {"substr", kCopy},
    // Creation. Constructors are found by their names.
    {"_M_create_storage", kCreate},
    {"_M_initialize_map", kCreate},
    {"_M_create_nodes", kUnknown},
    {"_M_range_initialize*", kCreate},
    {"_M_fill_initialize", kCreate},
    {"_M_default_initialize", kCreate},
    {"_M_construct*", kCreate},
    {"_M_init_functor*", kCreate},
    {"_M_create", kUnknown},
    {"with_capacity*", kCreate},
    {"new*", kCreate},
    {"from*", kCreate},
};

}  // namespace

RuleTable OperationRules() { return {.operations = kOperations}; }

}  // namespace tidemark::classify
