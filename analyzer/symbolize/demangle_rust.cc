#include "analyzer/symbolize/demangle_rust.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tidemark::symbolize {
namespace {

constexpr size_t kMaxLength = 64 * 1024;
constexpr int kMaxDepth = 256;
// Back references let a short symbol stand for a tree of any size, much of it unprinted.
constexpr int kMaxSteps = 1 << 18;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsLower(char c) { return absl::ascii_islower(static_cast<unsigned char>(c)); }
bool IsUpper(char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)); }

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    *out += static_cast<char>(0xc0 | (c >> 6));
  } else {
    if (c < 0x10000) {
      *out += static_cast<char>(0xe0 | (c >> 12));
    } else {
      *out += static_cast<char>(0xf0 | (c >> 18));
      *out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    }
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
  }
  *out += static_cast<char>(0x80 | (c & 0x3f));
}

bool IsScalarValue(uint64_t c) { return c < 0xd800 || (c >= 0xe000 && c < 0x110000); }

// RFC 3492 with "_" for the last "-", as Rust writes it. False when it does not decode.
bool DecodePunycode(absl::string_view text, std::string* out) {
  std::vector<uint32_t> decoded;
  const size_t split = text.rfind('_');
  if (split != absl::string_view::npos) {
    for (const char c : text.substr(0, split)) decoded.push_back(static_cast<unsigned char>(c));
    text.remove_prefix(split + 1);
  }
  if (text.empty()) return false;
  uint64_t n = 128, i = 0, bias = 72, damp = 700;
  while (!text.empty()) {
    const uint64_t old_i = i;
    for (uint64_t weight = 1, k = 36;; k += 36) {
      if (text.empty()) return false;
      const char c = text[0];
      text.remove_prefix(1);
      uint64_t digit;
      if (IsLower(c)) {
        digit = static_cast<uint64_t>(c - 'a');
      } else if (IsDigit(c)) {
        digit = 26 + static_cast<uint64_t>(c - '0');
      } else {
        return false;
      }
      i += digit * weight;
      const uint64_t threshold = k <= bias ? 1 : std::min<uint64_t>(k - bias, 26);
      if (digit < threshold) break;
      weight *= 36 - threshold;
      if (weight > 1u << 24 || i > 1u << 30) return false;
    }
    const uint64_t length = decoded.size() + 1;
    uint64_t delta = (i - old_i) / damp;
    damp = 2;
    delta += delta / length;
    uint64_t k = 0;
    for (; delta > 455; k += 36) delta /= 35;
    bias = k + 36 * delta / (delta + 38);
    n += i / length;
    i %= length;
    if (!IsScalarValue(n)) return false;
    decoded.insert(decoded.begin() + static_cast<ptrdiff_t>(i), static_cast<uint32_t>(n));
    ++i;
  }
  for (const uint32_t c : decoded) AppendUtf8(c, out);
  return true;
}

absl::string_view BasicType(char tag) {
  static constexpr absl::string_view kTypes[26] = {
      "i8",    "bool", "char", "f64", "str",  "f32",  "",    "u8", "isize",
      "usize", "",     "i32",  "u32", "i128", "u128", "_",   "",   "",
      "i16",   "u16",  "()",   "...", "",     "i64",  "u64", "!"};
  return IsLower(tag) ? kTypes[tag - 'a'] : "";
}

// A recursive descent that prints while it parses. After an error nothing is consumed or
// printed any more, so that every loop ends.
class V0 {
 public:
  explicit V0(absl::string_view text) : text_(text) {}

  std::optional<std::string> Run() {
    if (at_ < text_.size() && IsDigit(text_[at_])) return std::nullopt;  // a later version
    Path(/*in_value=*/true);
    if (!failed_ && at_ < text_.size() && IsUpper(text_[at_])) {  // the instantiating crate
      ++silent_;
      Path(false);
      --silent_;
    }
    if (failed_ || at_ != text_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  struct Identifier {
    absl::string_view text;
    bool punycode = false;
  };

  // Counts one level of nesting and one step; fails beyond the bounds.
  class Level {
   public:
    explicit Level(V0* v0) : v0_(*v0) {
      if (++v0_.depth_ > kMaxDepth || ++v0_.steps_ > kMaxSteps) v0_.failed_ = true;
    }
    ~Level() { --v0_.depth_; }

   private:
    V0& v0_;
  };

  bool Eat(char c) {
    if (failed_ || at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // '\0' at the end.
  char Next() {
    if (failed_ || at_ >= text_.size()) {
      failed_ = true;
      return '\0';
    }
    return text_[at_++];
  }
  void Print(absl::string_view s) {
    if (failed_ || silent_ > 0) return;
    if (out_.size() + s.size() > kMaxLength) {
      failed_ = true;
      return;
    }
    out_.append(s.data(), s.size());
  }

  // {digit | lower | upper} "_", in base 62; "_" is 0, "0_" is 1.
  uint64_t Base62() {
    if (Eat('_')) return 0;
    uint64_t value = 0;
    while (!failed_ && !Eat('_')) {
      const char c = Next();
      uint64_t digit;
      if (IsDigit(c)) {
        digit = static_cast<uint64_t>(c - '0');
      } else if (IsLower(c)) {
        digit = 10 + static_cast<uint64_t>(c - 'a');
      } else if (IsUpper(c)) {
        digit = 36 + static_cast<uint64_t>(c - 'A');
      } else {
        failed_ = true;
        return 0;
      }
      if (value > (UINT64_MAX - digit) / 62 - 1) failed_ = true;
      value = value * 62 + digit;
    }
    return value + 1;
  }
  // 0 when the tag is absent, else one more than the number after it.
  uint64_t OptionalBase62(char tag) { return Eat(tag) ? Base62() + 1 : 0; }

  Identifier ParseIdentifier() {
    Identifier id;
    id.punycode = Eat('u');
    size_t length = 0;
    if (at_ >= text_.size() || !IsDigit(text_[at_])) failed_ = true;
    if (!Eat('0')) {
      while (!failed_ && at_ < text_.size() && IsDigit(text_[at_])) {
        length = length * 10 + static_cast<size_t>(text_[at_++] - '0');
        if (length > text_.size()) failed_ = true;
      }
    }
    Eat('_');
    if (failed_ || length > text_.size() - at_) {
      failed_ = true;
      return id;
    }
    id.text = text_.substr(at_, length);
    at_ += length;
    return id;
  }

  void Print(const Identifier& id) {
    if (!id.punycode) return Print(id.text);
    std::string decoded;
    if (DecodePunycode(id.text, &decoded)) return Print(decoded);
    Print(absl::StrCat("punycode{", id.text, "}"));
  }

  // Continues at an earlier place, then here again. Only backwards, so it ends.
  template <class Parse>
  void BackReference(Parse parse) {
    const size_t here = at_ - 1;  // of the B
    const uint64_t target = Base62();
    if (failed_ || target >= here) {
      failed_ = true;
      return;
    }
    if (silent_ > 0) return;
    const size_t resume = at_;
    at_ = target;
    parse();
    at_ = resume;
  }

  void Path(bool in_value) {
    const Level level(this);
    switch (const char tag = Next(); tag) {
      case 'C':
        OptionalBase62('s');
        return Print(ParseIdentifier());
      case 'N':
        return NestedPath(in_value);
      case 'M':
      case 'X':
        ++silent_;  // where the impl is
        OptionalBase62('s');
        Path(false);
        --silent_;
        [[fallthrough]];
      case 'Y':
        Print("<");
        Type();
        if (tag != 'M') {
          Print(" as ");
          Path(false);
        }
        return Print(">");
      case 'I':
        Path(in_value);
        if (in_value) Print("::");
        Print("<");
        GenericArguments();
        return Print(">");
      case 'B':
        return BackReference([&] { Path(in_value); });
      default:
        failed_ = true;
    }
  }

  void NestedPath(bool in_value) {
    const char space = Next();
    Path(in_value);
    const uint64_t disambiguator = OptionalBase62('s');
    const Identifier name = ParseIdentifier();
    if (IsUpper(space)) {
      Print("::{");
      Print(space == 'C' ? "closure" : space == 'S' ? "shim" : absl::string_view(&space, 1));
      if (!name.text.empty()) {
        Print(":");
        Print(name);
      }
      Print(absl::StrCat("#", disambiguator, "}"));
    } else if (!IsLower(space)) {
      failed_ = true;
    } else if (!name.text.empty()) {
      Print("::");
      Print(name);
    }
  }

  // Up to the E. The number of things in the list.
  template <class Parse>
  size_t List(absl::string_view separator, Parse parse) {
    size_t count = 0;
    while (!failed_ && !Eat('E')) {
      if (count++ > 0) Print(separator);
      parse();
    }
    return count;
  }

  void GenericArguments() {
    List(", ", [this] {
      if (Eat('L')) return Lifetime(Base62());
      if (Eat('K')) return Const(/*in_value=*/false);
      Type();
    });
  }

  // De Bruijn: 1 is the innermost bound lifetime, 0 an erased one.
  void Lifetime(uint64_t index) {
    if (index == 0) return Print("'_");
    if (index > bound_lifetimes_) {
      failed_ = true;
      return;
    }
    const uint64_t number = bound_lifetimes_ - index;
    if (number < 26) {
      const char name[] = {'\'', static_cast<char>('a' + number)};
      Print(absl::string_view(name, 2));
    } else {
      Print(absl::StrCat("'_", number));
    }
  }

  template <class Parse>
  void InBinder(Parse parse) {
    const uint64_t count = OptionalBase62('G');
    if (count > 256) failed_ = true;
    if (failed_) return;
    if (count > 0) {
      Print("for<");
      for (uint64_t i = 0; i < count; ++i) {
        ++bound_lifetimes_;
        if (i > 0) Print(", ");
        Lifetime(1);
      }
      Print("> ");
    }
    parse();
    bound_lifetimes_ -= count;
  }

  void Type() {
    const Level level(this);
    const char tag = Next();
    if (const absl::string_view basic = BasicType(tag); !basic.empty()) return Print(basic);
    switch (tag) {
      case 'R':
      case 'Q':
        Print("&");
        if (Eat('L')) {
          if (const uint64_t index = Base62(); index != 0) {
            Lifetime(index);
            Print(" ");
          }
        }
        if (tag == 'Q') Print("mut ");
        return Type();
      case 'P':
        Print("*const ");
        return Type();
      case 'O':
        Print("*mut ");
        return Type();
      case 'A':
      case 'S':
        Print("[");
        Type();
        if (tag == 'A') {
          Print("; ");
          Const(/*in_value=*/true);
        }
        return Print("]");
      case 'T':
        Print("(");
        if (List(", ", [this] { Type(); }) == 1) Print(",");
        return Print(")");
      case 'F':
        return InBinder([this] { FunctionPointer(); });
      case 'D':
        Print("dyn ");
        InBinder([this] { List(" + ", [this] { DynTrait(); }); });
        if (!Eat('L')) failed_ = true;
        if (const uint64_t index = Base62(); !failed_ && index != 0) {
          Print(" + ");
          Lifetime(index);
        }
        return;
      case 'B':
        return BackReference([this] { Type(); });
      default:
        if (failed_) return;
        --at_;
        Path(/*in_value=*/false);
    }
  }

  void FunctionPointer() {
    if (Eat('U')) Print("unsafe ");
    if (Eat('K')) {
      std::string abi = "C";
      if (!Eat('C')) {
        abi = std::string(ParseIdentifier().text);
        std::replace(abi.begin(), abi.end(), '_', '-');
      }
      Print(absl::StrCat("extern \"", abi, "\" "));
    }
    Print("fn(");
    List(", ", [this] { Type(); });
    Print(")");
    if (Eat('u')) return;  // -> ()
    Print(" -> ");
    Type();
  }

  // A trait, with its associated types among its generic arguments.
  void DynTrait() {
    bool open = OpenPath();
    while (Eat('p')) {
      Print(open ? ", " : "<");
      open = true;
      Print(ParseIdentifier());
      Print(" = ");
      Type();
    }
    if (open) Print(">");
  }

  // A path whose generic arguments, if it has any, are not closed yet. Whether it has.
  bool OpenPath() {
    const Level level(this);
    bool open = false;
    if (Eat('B')) {
      BackReference([&] { open = OpenPath(); });
    } else if (Eat('I')) {
      Path(false);
      Print("<");
      GenericArguments();
      open = true;
    } else {
      Path(false);
    }
    return open;
  }

  // {hex digit} "_".
  absl::string_view HexDigits() {
    const size_t begin = at_;
    for (char c = Next(); c != '_' && !failed_; c = Next()) {
      if (!IsDigit(c) && (c < 'a' || c > 'f')) failed_ = true;
    }
    return failed_ ? "" : text_.substr(begin, at_ - 1 - begin);
  }
  // False when it has more than 64 bits.
  static bool Value(absl::string_view hex, uint64_t* value) {
    while (absl::ConsumePrefix(&hex, "0")) {
    }
    *value = 0;
    return hex.size() <= 16 && (hex.empty() || absl::SimpleHexAtoi(hex, value));
  }

  void Integer() {
    const absl::string_view hex = HexDigits();
    uint64_t value = 0;
    if (Value(hex, &value)) return Print(absl::StrCat(value));
    Print("0x");
    Print(hex);
  }

  void Const(bool in_value) {
    const Level level(this);
    const char tag = Next();
    uint64_t value = 0;
    switch (tag) {
      case 'p':
        return Print("_");
      case 'a':
      case 's':
      case 'l':
      case 'x':
      case 'n':
      case 'i':
        if (Eat('n')) Print("-");
        return Integer();
      case 'h':
      case 't':
      case 'm':
      case 'y':
      case 'o':
      case 'j':
        return Integer();
      case 'b':
        if (!Value(HexDigits(), &value) || value > 1) failed_ = true;
        return Print(value != 0 ? "true" : "false");
      case 'c':
        if (!Value(HexDigits(), &value) || !IsScalarValue(value)) failed_ = true;
        return Character(static_cast<uint32_t>(value));
      case 'B':
        return BackReference([&] { Const(in_value); });
      default:
        break;
    }
    // The rest are expressions; as arguments they stand in braces.
    if (!in_value) Print("{");
    CompoundConst(tag);
    if (!in_value) Print("}");
  }

  void CompoundConst(char tag) {
    switch (tag) {
      case 'e':
        Print("*");
        return StringLiteral();
      case 'R':
      case 'Q':
        if (tag == 'R' && Eat('e')) return StringLiteral();
        Print(tag == 'R' ? "&" : "&mut ");
        return Const(/*in_value=*/true);
      case 'A':
        Print("[");
        List(", ", [this] { Const(true); });
        return Print("]");
      case 'T':
        Print("(");
        if (List(", ", [this] { Const(true); }) == 1) Print(",");
        return Print(")");
      case 'V':
        return Structure();
      default:
        failed_ = true;
    }
  }

  void Structure() {
    Path(/*in_value=*/true);
    switch (Next()) {
      case 'U':
        return;
      case 'T':
        Print("(");
        List(", ", [this] { Const(true); });
        return Print(")");
      case 'S':
        Print(" { ");
        List(", ", [this] {
          OptionalBase62('s');
          Print(ParseIdentifier());
          Print(": ");
          Const(true);
        });
        return Print(" }");
      default:
        failed_ = true;
    }
  }

  void Character(uint32_t c) {
    std::string text;
    if (c == '\'') {
      text = "\\'";
    } else if (c < 0x80) {
      const char byte = static_cast<char>(c);
      text = c == '"' ? "\"" : absl::CEscape(absl::string_view(&byte, 1));
    } else {
      AppendUtf8(c, &text);
    }
    Print(absl::StrCat("'", text, "'"));
  }

  void StringLiteral() {
    const std::string bytes = absl::HexStringToBytes(HexDigits());
    Print(absl::StrCat("\"", absl::Utf8SafeCEscape(bytes), "\""));
  }

  const absl::string_view text_;
  size_t at_ = 0;
  std::string out_;
  int silent_ = 0;  // > 0: parse only
  int depth_ = 0;
  int steps_ = 0;
  uint64_t bound_lifetimes_ = 0;
  bool failed_ = false;
};

// An Itanium nested name whose last part is a hash of 16 hex digits:
// _ZN4core3ptr17h0123456789abcdefE (rustc, symbol_names/legacy.rs).
bool IsLegacy(absl::string_view symbol) {
  if (!absl::StartsWith(symbol, "_ZN") || !absl::ConsumeSuffix(&symbol, "E")) return false;
  if (symbol.size() < 19) return false;
  const absl::string_view hash = symbol.substr(symbol.size() - 16);
  if (symbol.substr(symbol.size() - 19, 3) != "17h") return false;
  return std::all_of(hash.begin(), hash.end(),
                     [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); });
}

// The character of "$LT$"-like escapes; 0: none of them.
char LegacyEscape(absl::string_view name) {
  static constexpr struct {
    absl::string_view name;
    char c;
  } kEscapes[] = {{"SP", '@'}, {"BP", '*'}, {"RF", '&'}, {"LT", '<'},
                  {"GT", '>'}, {"LP", '('}, {"RP", ')'}, {"C", ','}};
  for (const auto& escape : kEscapes) {
    if (name == escape.name) return escape.c;
  }
  unsigned code = 0;
  if (absl::ConsumePrefix(&name, "u") && absl::SimpleHexAtoi(name, &code) && code >= 0x20 &&
      code < 0x7f) {
    return static_cast<char>(code);
  }
  return 0;
}

std::string UnescapeLegacyPart(absl::string_view part) {
  std::string out;
  if (absl::StartsWith(part, "_$")) part.remove_prefix(1);
  while (!part.empty()) {
    if (absl::ConsumePrefix(&part, "..")) {
      out += "::";
      continue;
    }
    const size_t end = part[0] == '$' ? part.find('$', 1) : absl::string_view::npos;
    if (end != absl::string_view::npos) {
      if (const char c = LegacyEscape(part.substr(1, end - 1)); c != 0) {
        out += c;
        part.remove_prefix(end + 1);
        continue;
      }
    }
    out += part[0];
    part.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::optional<std::string> DemangleRustLegacy(absl::string_view symbol) {
  if (symbol.size() > kMaxLength || !IsLegacy(symbol)) return std::nullopt;
  absl::ConsumePrefix(&symbol, "_ZN");
  absl::ConsumeSuffix(&symbol, "E");
  symbol.remove_suffix(19);  // 17h and the hash
  std::string out;
  while (!symbol.empty()) {
    size_t length = 0;
    while (!symbol.empty() && IsDigit(symbol[0]) && length <= kMaxLength) {
      length = length * 10 + static_cast<size_t>(symbol[0] - '0');
      symbol.remove_prefix(1);
    }
    if (length == 0 || length > symbol.size()) return std::nullopt;
    if (!out.empty()) out += "::";
    out += UnescapeLegacyPart(symbol.substr(0, length));
    symbol.remove_prefix(length);
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::optional<std::string> DemangleRustV0(absl::string_view symbol) {
  if (symbol.size() > kMaxLength || !absl::ConsumePrefix(&symbol, "_R")) return std::nullopt;
  // What other tools append (".llvm.123", "$tlv") is no part of the name.
  symbol = symbol.substr(0, std::min(symbol.find('.'), symbol.find('$')));
  return V0(symbol).Run();
}

}  // namespace tidemark::symbolize
