#include "analyzer/symbolize/display_name.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::symbolize {
namespace {

constexpr size_t kMaxNesting = 200;
constexpr size_t kMaxLength = 64 * 1024;

bool IsIdentifier(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The length of "operator<<" and its like at the front of `text`, with the sign; 0: none.
size_t OperatorLength(absl::string_view text) {
  constexpr absl::string_view kOperator = "operator";
  if (!absl::StartsWith(text, kOperator)) return 0;
  const absl::string_view sign = text.substr(kOperator.size());
  if (!sign.empty() && IsIdentifier(sign[0])) return 0;  // operators
  // The longer ones first.
  for (const absl::string_view s :
       {"<=>", "<<=", ">>=", "->*", "()", "[]", "<<", ">>", "<=", ">=", "->", "<", ">"}) {
    if (absl::StartsWith(sign, s)) return kOperator.size() + s.size();
  }
  return kOperator.size();
}

// Where each bracket's other half is. A < or > that is a sign of an expression has none.
class Brackets {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit Brackets(absl::string_view text) : other_(text.size(), kNone) {
    std::vector<uint32_t> open;
    for (size_t i = 0; i < text.size() && valid_; ++i) {
      if (i == 0 || !IsIdentifier(text[i - 1])) {
        if (const size_t length = OperatorLength(text.substr(i)); length != 0) {
          i += length - 1;
          continue;
        }
      }
      const char c = text[i];
      if (c == '-' && i + 1 < text.size() && text[i + 1] == '>') {
        ++i;
      } else if (c == '(' || c == '<' || c == '[' || c == '{') {
        open.push_back(static_cast<uint32_t>(i));
        if (open.size() > kMaxNesting) valid_ = false;
      } else if (c == '>') {
        if (!open.empty() && text[open.back()] == '<') Match(i, &open);
      } else if (c == ')' || c == ']' || c == '}') {
        const char opening = c == ')' ? '(' : c == ']' ? '[' : '{';
        while (!open.empty() && text[open.back()] == '<' && opening != '<') open.pop_back();
        if (open.empty() || text[open.back()] != opening) {
          valid_ = false;
        } else {
          Match(i, &open);
        }
      }
    }
  }

  bool valid() const { return valid_; }
  // The end of the group that begins at i; kNone: none does.
  uint32_t end(size_t i) const { return other_[i]; }

 private:
  void Match(size_t i, std::vector<uint32_t>* open) {
    other_[open->back()] = static_cast<uint32_t>(i);
    open->pop_back();
  }

  std::vector<uint32_t> other_;
  bool valid_ = true;
};

// What is left of a name without its parameters and return type, and without its template
// arguments if told to.
class Stripper {
 public:
  Stripper(absl::string_view text, const Brackets& brackets, bool keep_templates)
      : text_(text), brackets_(brackets), keep_templates_(keep_templates) {}

  std::string Strip() const { return Strip(0, text_.size(), /*whole=*/true); }

 private:
  // `whole`: not a type within a name, whose parentheses are tuples.
  std::string Strip(size_t begin, size_t end, bool whole) const {
    std::string out;
    size_t name = 0;           // where the name begins in `out`, after the return type
    bool in_operator = false;  // after the word, whose arguments may stand after a blank
    for (size_t i = begin; i < end;) {
      const size_t sign =
          i == begin || !IsIdentifier(text_[i - 1]) ? OperatorLength(text_.substr(i)) : 0;
      const uint32_t close = sign != 0 ? Brackets::kNone : brackets_.end(i);
      if (sign != 0) {
        out.append(text_.data() + i, sign);
        i += sign;
        in_operator = true;
      } else if (close == Brackets::kNone) {
        out += text_[i++];
        if (out.back() == ' ' && !in_operator) name = out.size();
        if (out.back() == ':') in_operator = false;
      } else if (whole && text_[i] == '(' && text_.substr(i, close + 1 - i) != kAnonymous) {
        i = SkipQualifiers(close + 1);
      } else if (text_[i] == '<' && !keep_templates_) {
        StripArguments(i, close, in_operator, &out);
        i = close + 1;
      } else {
        out.append(text_.data() + i, close + 1 - i);
        i = close + 1;
      }
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return whole && name < out.size() ? out.substr(name) : out;
  }

  void StripArguments(size_t open, size_t close, bool in_operator, std::string* out) const {
    if (in_operator) {  // operator< <int>
      while (!out->empty() && out->back() == ' ') out->pop_back();
    } else if (absl::EndsWith(*out, "::")) {  // Rust: Vec::<u8>
      out->resize(out->size() - 2);
    } else if (out->empty() || (!IsIdentifier(out->back()) && out->back() != ']')) {
      // Rust: <Vec<u8> as Drop>::drop
      absl::StrAppend(out, "<", Strip(open + 1, close, /*whole=*/false), ">");
    }
  }

  // " const &" after a parameter list.
  size_t SkipQualifiers(size_t i) const {
    for (bool found = true; found;) {
      found = false;
      for (const absl::string_view word : {" const", " volatile", " &&", " &", " noexcept"}) {
        if (!absl::StartsWith(text_.substr(i), word)) continue;
        i += word.size();
        found = true;
        break;
      }
    }
    return i;
  }

  static constexpr absl::string_view kAnonymous = "(anonymous namespace)";
  const absl::string_view text_;
  const Brackets& brackets_;
  const bool keep_templates_;
};

// Leaves out template arguments that are the default, and writes std::string.
class Shortener {
 public:
  Shortener(absl::string_view text, const Brackets& brackets) : text_(text), brackets_(brackets) {}

  std::string Shorten(size_t begin, size_t end) const {
    std::string out;
    for (size_t i = begin; i < end;) {
      const uint32_t close = brackets_.end(i);
      if (close == Brackets::kNone || close >= end || close < i) {
        out += text_[i++];
      } else if (text_[i] == '<' && !out.empty() && IsIdentifier(out.back())) {
        Arguments(i, close, &out);
        i = close + 1;
      } else {
        absl::StrAppend(&out, text_.substr(i, 1), Shorten(i + 1, close), text_.substr(close, 1));
        i = close + 1;
      }
      if (absl::EndsWith(out, "std::__cxx11::")) out.resize(out.size() - 9);
    }
    return out;
  }

 private:
  void Arguments(size_t open, size_t close, std::string* out) const {
    std::vector<std::string> arguments;
    size_t begin = open + 1;
    for (size_t i = begin; i <= close; ++i) {
      if (i == close || text_[i] == ',') {
        arguments.push_back(std::string(absl::StripAsciiWhitespace(Shorten(begin, i))));
        begin = i + 1;
      } else if (const uint32_t end = brackets_.end(i); end != Brackets::kNone && end > i) {
        i = std::min<size_t>(end, close - 1);
      }
    }
    size_t name = out->size();
    while (name > 0 && (IsIdentifier((*out)[name - 1]) || (*out)[name - 1] == ':')) --name;
    const std::string path = out->substr(name);
    if (absl::StartsWith(path, "std::") || absl::StartsWith(path, "alloc::")) {
      while (arguments.size() > 1 && IsDefault(arguments)) arguments.pop_back();
    }
    const std::string args = absl::StrJoin(arguments, ", ");
    for (const auto& [whole, alias] :
         {std::pair<absl::string_view, absl::string_view>{"std::basic_string", "std::string"},
          {"std::basic_string_view", "std::string_view"},
          {"std::basic_ostream", "std::ostream"},
          {"std::basic_istream", "std::istream"}}) {
      if (path == whole && args == "char") {
        out->replace(name, path.size(), alias.data(), alias.size());
        return;
      }
    }
    absl::StrAppend(out, "<", args, ">");
  }

  // Whether the last argument is what the standard libraries take when none is given.
  static bool IsDefault(const std::vector<std::string>& arguments) {
    const std::string& last = arguments.back();
    if (last == "alloc::alloc::Global" || last == "std::hash::random::RandomState" ||
        absl::StartsWith(last, "std::allocator<")) {
      return true;
    }
    for (const absl::string_view of_first :
         {"std::less", "std::hash", "std::equal_to", "std::default_delete", "std::char_traits"}) {
      if (last == absl::StrCat(of_first, "<", arguments[0], ">")) return true;
    }
    return last == "std::deque<" + arguments[0] + ">";  // of stack and queue
  }

  const absl::string_view text_;
  const Brackets& brackets_;
};

// Words that stand before a name and are no return type.
absl::string_view TakeArticle(absl::string_view* name) {
  for (const absl::string_view article :
       {"non-virtual thunk to ", "virtual thunk to ", "covariant return thunk to ",
        "TLS init function for ", "TLS wrapper function for "}) {
    if (absl::ConsumePrefix(name, article)) return article;
  }
  return "";
}

// Whether a name that is not mangled is nevertheless C++ or Rust: as pprof judges, which spares
// Java's and Go's.
bool LooksDemangled(absl::string_view name) {
  if (absl::StrContains(name, ".<") || absl::StrContains(name, "]).")) return false;
  return name.find_first_of("<>[]") != absl::string_view::npos || absl::StrContains(name, "::");
}

}  // namespace

std::string DisplayName(absl::string_view name, NameStyle style) {
  if (style == NameStyle::kAsIs || style == NameStyle::kNone || style == NameStyle::kFull ||
      name.size() > kMaxLength) {
    return std::string(name);
  }
  const absl::string_view whole = name;
  const absl::string_view article = TakeArticle(&name);
  const Brackets brackets(name);
  if (!brackets.valid()) return std::string(whole);
  if (style == NameStyle::kShort) {
    // Arguments are set apart by ", ": what had no blanks may come out longer.
    const std::string shorter = Shortener(name, brackets).Shorten(0, name.size());
    return shorter.size() > name.size() ? std::string(whole) : absl::StrCat(article, shorter);
  }
  std::string stripped = Stripper(name, brackets, style == NameStyle::kTemplates).Strip();
  return stripped.empty() ? std::string(whole) : absl::StrCat(article, stripped);
}

absl::StatusOr<std::shared_ptr<const Profile>> WithDisplayNames(
    const std::shared_ptr<const Profile>& profile, NameStyle style) {
  if (style == NameStyle::kAsIs || style == NameStyle::kFull) return profile;
  ProfileBuilder builder(*profile);
  std::vector<FunctionId> renamed;
  for (const Function& f : profile->functions()) {
    Function shown = f;
    const absl::string_view name = profile->string(f.name);
    if (style == NameStyle::kNone) {
      if (f.system_name != StringId{0}) shown.name = f.system_name;
    } else if (LooksDemangled(name)) {
      shown.name = builder.AddString(DisplayName(name, style));
    }
    renamed.push_back(builder.AddFunction(shown));
  }
  std::vector<Line> lines;
  for (uint32_t i = 0; i < profile->locations().size(); ++i) {
    const absl::Span<const Line> before = profile->lines(LocationId{i});
    lines.assign(before.begin(), before.end());
    for (Line& line : lines) {
      if (line.function.valid()) line.function = renamed[line.function.value];
    }
    if (!absl::c_equal(before, lines)) builder.SetLines(LocationId{i}, lines);
  }
  builder.SetAnnotations(profile->annotations());
  return builder.Build();
}

}  // namespace tidemark::symbolize
