#include "analyzer/model/annotations.h"

namespace tidemark {

const char* Name(ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kMap:
      return "map";
    case ContainerKind::kSet:
      return "set";
    case ContainerKind::kSlice:
      return "slice";
    case ContainerKind::kString:
      return "string";
    case ContainerKind::kDeque:
      return "deque";
    case ContainerKind::kList:
      return "list";
    case ContainerKind::kQueue:
      return "queue";
    case ContainerKind::kObject:
      return "object";
    case ContainerKind::kBuffer:
      return "buffer";
  }
  return "";
}

const char* Name(Operation operation) {
  switch (operation) {
    case Operation::kUnknown:
      return "";
    case Operation::kCreate:
      return "create";
    case Operation::kGrow:
    case Operation::kRehash:
      return "grow";
    case Operation::kInsert:
      return "insert";
    case Operation::kCopy:
      return "copy";
  }
  return "";
}

const char* ShownName(Operation operation) {
  return operation == Operation::kRehash ? "rehash" : Name(operation);
}

const char* Name(Evidence evidence) {
  switch (evidence) {
    case Evidence::kMeasured:
      return "measured";
    case Evidence::kCompiler:
      return "compiler";
    case Evidence::kInferred:
      return "inferred";
  }
  return "";
}

}  // namespace tidemark
