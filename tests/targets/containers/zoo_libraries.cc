// Containers of Boost, Qt, Protocol Buffers and RapidJSON: one function for each, which fills
// one and keeps it. tests/e2e/containers_test.py has the table of what each must be called.

#include <google/protobuf/arena.h>
#include <google/protobuf/struct.pb.h>
#include <rapidjson/document.h>

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QMap>
#include <QQueue>
#include <QSet>
#include <QSharedPointer>
#include <QString>
#include <QVarLengthArray>
#include <boost/container/deque.hpp>
#include <boost/container/flat_map.hpp>
#include <boost/container/list.hpp>
#include <boost/container/map.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>
#include <boost/make_shared.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/ordered_index.hpp>
#include <boost/multi_index_container.hpp>
#include <boost/unordered_map.hpp>
#include <boost/unordered_set.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/targets/containers/animal.h"

namespace zoo {

ZOO_FUNCTION BoostVector() {
  auto* all = new boost::container::vector<Animal>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION BoostSmallVector() {
  auto* all = new boost::container::small_vector<Animal, 2>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION BoostString() {
  auto* text = new boost::container::string;
  for (int i = 0; i < kMany; ++i) *text += "a roar";
  Keep(text);
}
ZOO_FUNCTION BoostDeque() {
  auto* all = new boost::container::deque<Animal>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION BoostList() {
  auto* all = new boost::container::list<Animal>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION BoostMap() {
  auto* all = new boost::container::map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION BoostFlatMap() {
  auto* all = new boost::container::flat_map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION BoostUnorderedMap() {
  auto* all = new boost::unordered_map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION BoostUnorderedSet() {
  auto* all = new boost::unordered_set<long>;
  for (int i = 0; i < kMany; ++i) all->insert(i);
  Keep(all);
}
ZOO_FUNCTION BoostMultiIndex() {
  namespace index = boost::multi_index;
  using Legs = index::member<Animal, int, &Animal::legs>;
  auto* all = new index::multi_index_container<
      Animal, index::indexed_by<index::ordered_unique<Legs>, index::hashed_unique<Legs>>>;
  for (int i = 0; i < kMany; ++i) all->insert({i, {}});
  Keep(all);
}
ZOO_FUNCTION BoostMakeShared() {
  auto* all = new boost::shared_ptr<Animal>[kMany];
  for (int i = 0; i < kMany; ++i) all[i] = boost::make_shared<Animal>();
  Keep(all);
}

ZOO_FUNCTION QtList() {
  auto* all = new QList<Animal>;
  for (int i = 0; i < kMany; ++i) all->append(Animal());
  Keep(all);
}
ZOO_FUNCTION QtVarLengthArray() {
  auto* all = new QVarLengthArray<Animal, 2>;
  for (int i = 0; i < kMany; ++i) all->append(Animal());
  Keep(all);
}
ZOO_FUNCTION QtQueue() {
  auto* all = new QQueue<Animal>;
  for (int i = 0; i < kMany; ++i) all->enqueue(Animal());
  Keep(all);
}
ZOO_FUNCTION QtHash() {
  auto* all = new QHash<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION QtSet() {
  auto* all = new QSet<long>;
  for (int i = 0; i < kMany; ++i) all->insert(i);
  Keep(all);
}
ZOO_FUNCTION QtMap() {
  auto* all = new QMap<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION QtString() {
  auto* text = new QString;
  for (int i = 0; i < kMany; ++i) *text += QLatin1String("a roar");
  Keep(text);
}
ZOO_FUNCTION QtByteArray() {
  auto* text = new QByteArray;
  for (int i = 0; i < kMany; ++i) text->append("a roar");
  Keep(text);
}
ZOO_FUNCTION QtSharedPointer() {
  auto* all = new QSharedPointer<Animal>[kMany];
  for (int i = 0; i < kMany; ++i) all[i] = QSharedPointer<Animal>::create();
  Keep(all);
}

ZOO_FUNCTION ProtobufRepeatedField() {
  auto* all = new google::protobuf::RepeatedField<int64_t>;
  for (int i = 0; i < kMany; ++i) all->Add(i);
  Keep(all);
}
ZOO_FUNCTION ProtobufRepeatedMessages() {
  auto* all = new google::protobuf::ListValue;
  for (int i = 0; i < kMany; ++i) all->add_values()->set_number_value(i);
  Keep(all);
}
ZOO_FUNCTION ProtobufMap() {
  auto* all = new google::protobuf::Struct;
  for (int i = 0; i < kMany; ++i) {
    (*all->mutable_fields())[std::to_string(i)].set_number_value(i);
  }
  Keep(all);
}
ZOO_FUNCTION ProtobufArena() {
  auto* arena = new google::protobuf::Arena;
  for (int i = 0; i < kMany; ++i) {
    Keep(google::protobuf::Arena::CreateMessage<google::protobuf::Value>(arena));
  }
}

ZOO_FUNCTION RapidjsonArray() {
  auto* all = new rapidjson::GenericValue<rapidjson::UTF8<>, rapidjson::CrtAllocator>(
      rapidjson::kArrayType);
  auto* allocator = new rapidjson::CrtAllocator;
  for (int i = 0; i < kMany; ++i) {
    all->PushBack(rapidjson::GenericValue<rapidjson::UTF8<>, rapidjson::CrtAllocator>(i),
                  *allocator);
  }
  Keep(all);
}
ZOO_FUNCTION RapidjsonObject() {
  auto* all = new rapidjson::Document(rapidjson::kObjectType);
  for (int i = 0; i < kMany; ++i) {
    all->AddMember("animal", rapidjson::Value(i), all->GetAllocator());
  }
  Keep(all);
}

}  // namespace zoo

int main() {
  zoo::BoostVector();
  zoo::BoostSmallVector();
  zoo::BoostString();
  zoo::BoostDeque();
  zoo::BoostList();
  zoo::BoostMap();
  zoo::BoostFlatMap();
  zoo::BoostUnorderedMap();
  zoo::BoostUnorderedSet();
  zoo::BoostMultiIndex();
  zoo::BoostMakeShared();
  zoo::QtList();
  zoo::QtVarLengthArray();
  zoo::QtQueue();
  zoo::QtHash();
  zoo::QtSet();
  zoo::QtMap();
  zoo::QtString();
  zoo::QtByteArray();
  zoo::QtSharedPointer();
  zoo::ProtobufRepeatedField();
  zoo::ProtobufRepeatedMessages();
  zoo::ProtobufMap();
  zoo::ProtobufArena();
  zoo::RapidjsonArray();
  zoo::RapidjsonObject();
  std::puts("all are fed");
  std::fflush(stdout);
  std::_Exit(0);
}
