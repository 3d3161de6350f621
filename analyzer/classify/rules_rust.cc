// Rust's standard library and the crates that programs are made of.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr ClassRule kClasses[] = {
    {"alloc::vec::Vec", kSlice, "Vec", kElement},
    {"alloc::raw_vec::RawVec", kSlice, "Vec", kElement},
    {"alloc::raw_vec::RawVecInner", kSlice, "Vec", kPlain},
    {"alloc::slice::<impl [T]>", kSlice, "Vec", kPlain},
    {"alloc::string::String", kString, "String", kPlain},
    {"alloc::str::<impl str>", kString, "String", kPlain},
    {"std::ffi::os_str::OsString", kString, "OsString", kPlain},
    {"std::path::PathBuf", kString, "PathBuf", kPlain},
    {"alloc::ffi::c_str::CString", kString, "CString", kPlain},
    {"std::ffi::c_str::CString", kString, "CString", kPlain},
    {"alloc::collections::vec_deque::VecDeque", kDeque, "VecDeque", kElement},
    {"alloc::collections::linked_list::LinkedList", kList, "LinkedList", kElement},
    {"alloc::collections::binary_heap::BinaryHeap", kQueue, "BinaryHeap", kElement},
    {"alloc::collections::btree::map::BTreeMap", kMap, "BTreeMap", kKeyValue},
    {"alloc::collections::btree::map::entry::Entry", kMap, "BTreeMap", kKeyValue},
    {"alloc::collections::btree::map::entry::VacantEntry", kMap, "BTreeMap", kKeyValue},
    {"alloc::collections::btree::node::LeafNode", kMap, "BTreeMap", kKeyValue},
    {"alloc::collections::btree::node::InternalNode", kMap, "BTreeMap", kKeyValue},
    {"alloc::collections::btree::node::NodeRef", kMap, "BTreeMap", kPlain},
    {"alloc::collections::btree::node::Handle", kMap, "BTreeMap", kPlain},
    {"alloc::collections::btree::set::BTreeSet", kSet, "BTreeSet", kElement},
    {"std::collections::hash::map::HashMap", kMap, "HashMap", kKeyValue},
    {"std::collections::hash::map::Entry", kMap, "HashMap", kKeyValue},
    {"std::collections::hash::map::VacantEntry", kMap, "HashMap", kKeyValue},
    {"std::collections::hash::set::HashSet", kSet, "HashSet", kElement},
    {"hashbrown::map::HashMap", kMap, "HashMap", kKeyValue},
    {"hashbrown::map::Entry", kMap, "HashMap", kKeyValue},
    {"hashbrown::map::VacantEntry", kMap, "HashMap", kKeyValue},
    {"hashbrown::rustc_entry::RustcVacantEntry", kMap, "HashMap", kKeyValue},
    {"hashbrown::rustc_entry::RustcEntry", kMap, "HashMap", kKeyValue},
    {"hashbrown::set::HashSet", kSet, "HashSet", kElement},
    {"hashbrown::table::HashTable", kMap, "HashTable", kPlain},
    {"hashbrown::raw::RawTable", kMap, "HashMap", kValue},
    {"hashbrown::raw::inner::RawTable", kMap, "HashMap", kValue},
    {"hashbrown::raw::RawTableInner", kMap, "HashMap", kPlain},
    {"hashbrown::raw::inner::RawTableInner", kMap, "HashMap", kPlain},
    {"alloc::boxed::Box", kObject, "Box", kElement},
    {"alloc::rc::Rc", kObject, "Rc", kElement},
    {"alloc::rc::UniqueRcUninit", kObject, "Rc", kElement},
    {"alloc::sync::Arc", kObject, "Arc", kElement},
    {"alloc::sync::UniqueArcUninit", kObject, "Arc", kElement},
    {"std::sync::mpsc::Sender", kQueue, "mpsc::channel", kElement},
    {"std::sync::mpsc::SyncSender", kQueue, "mpsc::channel", kElement},
    {"std::sync::mpmc::Sender", kQueue, "mpsc::channel", kElement},
    {"std::sync::mpmc::list::Channel", kQueue, "mpsc::channel", kElement},
    {"std::sync::mpmc::array::Channel", kQueue, "mpsc::channel", kElement},
    {"std::io::buffered::bufreader::BufReader", kBuffer, "BufReader", kPlain},
    {"std::io::buffered::bufwriter::BufWriter", kBuffer, "BufWriter", kPlain},
    {"std::io::buffered::linewriter::LineWriter", kBuffer, "LineWriter", kPlain},
    {"std::thread::Builder", kObject, "std::thread::Thread", kOpaque},
    {"std::thread::Thread", kObject, "std::thread::Thread", kOpaque},
    // Crates.
    {"bytes::bytes::Bytes", kBuffer, "Bytes", kPlain},
    {"bytes::bytes_mut::BytesMut", kBuffer, "BytesMut", kPlain},
    {"smallvec::SmallVec", kSlice, "SmallVec", kArray},
    {"arrayvec::arrayvec::ArrayVec", kSlice, "ArrayVec", kElement},
    {"tinyvec::tinyvec::TinyVec", kSlice, "TinyVec", kArray},
    {"slab::Slab", kSlice, "Slab", kElement},
    {"indexmap::map::IndexMap", kMap, "IndexMap", kKeyValue},
    {"indexmap::map::core::IndexMapCore", kMap, "IndexMap", kKeyValue},
    {"indexmap::map::core::entry::VacantEntry", kMap, "IndexMap", kKeyValue},
    {"indexmap::set::IndexSet", kSet, "IndexSet", kElement},
    {"dashmap::DashMap", kMap, "DashMap", kKeyValue},
    {"dashmap::mapref::entry::VacantEntry", kMap, "DashMap", kKeyValue},
    {"dashmap::set::DashSet", kSet, "DashSet", kElement},
    {"lru::LruCache", kMap, "LruCache", kKeyValue},
    {"moka::sync::cache::Cache", kMap, "moka::Cache", kKeyValue},
    {"moka::future::cache::Cache", kMap, "moka::Cache", kKeyValue},
    {"serde_json::map::Map", kMap, "serde_json::Map", kPlain},
    {"tokio::sync::mpsc::bounded::Sender", kQueue, "tokio::mpsc", kElement},
    {"tokio::sync::mpsc::unbounded::UnboundedSender", kQueue, "tokio::mpsc", kElement},
    {"tokio::sync::mpsc::chan::Tx", kQueue, "tokio::mpsc", kElement},
    {"tokio::sync::mpsc::list::Tx", kQueue, "tokio::mpsc", kElement},
    {"tokio::sync::broadcast::Sender", kQueue, "tokio::broadcast", kElement},
    {"tokio::runtime::task::core::Cell", kObject, "tokio::task", kElement},
    {"crossbeam_channel::channel::Sender", kQueue, "crossbeam_channel", kElement},
    {"crossbeam_channel::flavors::list::Channel", kQueue, "crossbeam_channel", kElement},
    {"crossbeam_channel::flavors::array::Channel", kQueue, "crossbeam_channel", kElement},
    {"crossbeam_queue::seg_queue::SegQueue", kQueue, "SegQueue", kElement},
    {"crossbeam_queue::array_queue::ArrayQueue", kQueue, "ArrayQueue", kElement},
    {"flume::Sender", kQueue, "flume", kElement},
};

constexpr FunctionRule kFunctions[] = {
    {"alloc::fmt::format", kString, "String", kPlain, kCreate},
    {"alloc::fmt::format::format_inner", kString, "String", kPlain, kCreate},
    {"alloc::vec::from_elem", kSlice, "Vec", kElement, kCreate},
    {"alloc::boxed::box_new_uninit", kObject, "Box", kPlain, kCreate},
    {"std::sync::mpsc::channel", kQueue, "mpsc::channel", kElement, kCreate},
    {"std::sync::mpsc::sync_channel", kQueue, "mpsc::channel", kElement, kCreate},
    {"std::thread::spawn", kObject, "std::thread::Thread", kOpaque, kCreate},
};

constexpr absl::string_view kGlue[] = {
    "__rust_alloc*", "__rust_realloc", "__rdl_alloc*", "__rdl_realloc",
    "__rg_alloc*",   "__rg_realloc",   "__rustc::*",
};

constexpr NamespaceRule kNamespaces[] = {
    {"alloc::", true},
    {"core::", true},
    {"hashbrown::", true},
    {"bytes::", true},
    {"smallvec::", true},
    {"arrayvec::", true},
    {"tinyvec::", true},
    {"slab::", true},
    {"indexmap::", true},
    {"dashmap::", true},
    {"lru::", true},
    {"moka::", true},
    {"serde::", true},
    {"serde_core::", true},
    {"serde_json::", true},
    {"tokio::", true},
    {"futures_util::", true},
    {"futures_core::", true},
    {"crossbeam_channel::", true},
    {"crossbeam_queue::", true},
    {"flume::", true},
    {"parking_lot::", true},
    {"once_cell::", true},
    {"rayon::", true},
    {"rayon_core::", true},
};

}  // namespace

RuleTable RustRules() {
  return {.classes = kClasses, .functions = kFunctions, .glue = kGlue, .namespaces = kNamespaces};
}

}  // namespace tidemark::classify
