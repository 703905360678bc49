#include <iterator>
#include <nlohmann/json.hpp>

#include "evidence/core/printable.h"
#include "evidence/json/config_node.h"

namespace attest::config_detail {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxNodes = 262144;

// Position counts lines as the lexer consumes the text. The character consumed last does not count yet: the
// lexer has read one past a number when it reports it.
struct Position {
  int line = 1;
  bool newline_pending = false;
  void consume(char c) {
    if (newline_pending) line++;
    newline_pending = c == '\n';
  }
};

// CountingIterator is the input iterator the lexer reads through.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  CountingIterator(const char* at, Position* position) : at_(at), position_(position) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    position_->consume(*at_++);
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& o) const { return at_ == o.at_; }
  bool operator!=(const CountingIterator& o) const { return at_ != o.at_; }

 private:
  const char* at_;
  Position* position_;
};

// Builder is the SAX handler: it builds Nodes within bounds and stops at the first error.
class Builder {
 public:
  using Json = nlohmann::json;
  Builder(State& state, const Position& position) : state_(state), position_(position) {}

  bool null() { return value(Kind::null) != nullptr; }
  bool boolean(bool v) {
    Node* node = value(Kind::boolean);
    if (node != nullptr) node->boolean = v;
    return node != nullptr;
  }
  bool number_integer(Json::number_integer_t v) { return integer(v); }
  bool number_unsigned(Json::number_unsigned_t v) {
    if (v > static_cast<Json::number_unsigned_t>(INT64_MAX)) return value(Kind::real) != nullptr;
    return integer(static_cast<std::int64_t>(v));
  }
  bool number_float(Json::number_float_t, const std::string&) { return value(Kind::real) != nullptr; }
  bool string(std::string& v) {
    Node* node = value(Kind::string);
    if (node != nullptr) node->text = std::move(v);
    return node != nullptr;
  }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Kind::object); }
  bool start_array(std::size_t) { return open(Kind::list); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    Node& object = *open_.back();
    auto [it, fresh] = object.members.try_emplace(std::move(name));
    if (!fresh)
      return fail("key \"" + printable(it->first) + "\" stands twice (first in line " +
                  std::to_string(it->second.line) + ")");
    it->second.line = position_.line;
    member_ = &it->second;
    return true;
  }
  // The library's text is "[json.…] parse error at line 2, column 1: syntax error while …": ours begins at
  // "while".
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) {
    std::string_view text = e.what();
    std::size_t at = text.find("while ");
    return fail("not JSON: error " + printable(text.substr(at == text.npos ? 0 : at), 160));
  }

 private:
  bool fail(const std::string& what) {
    state_.record(position_.line, what);
    return false;
  }
  // value places a new node: the member announced by key(), the next item of a list, or the root.
  Node* value(Kind kind) {
    if (++count_ > kMaxNodes) {
      fail("more than " + std::to_string(kMaxNodes) + " values");
      return nullptr;
    }
    if (open_.empty() && kind != Kind::object) {
      fail("the file must be one object { }");
      return nullptr;
    }
    Node* node = &state_.root;
    if (member_ != nullptr) {
      node = std::exchange(member_, nullptr);
    } else if (!open_.empty()) {
      node = &open_.back()->items.emplace_back();
      node->line = position_.line;
    }
    node->kind = kind;
    node->position = count_;
    return node;
  }
  bool integer(std::int64_t v) {
    Node* node = value(Kind::integer);
    if (node != nullptr) node->integer = v;
    return node != nullptr;
  }
  bool open(Kind kind) {
    if (open_.size() >= kMaxDepth) return fail("nested more than " + std::to_string(kMaxDepth) + " deep");
    Node* node = value(kind);
    if (node == nullptr) return false;
    open_.push_back(node);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  State& state_;
  const Position& position_;
  std::vector<Node*> open_;  // stable: a list grows only while its last item is complete
  Node* member_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace

void parse_into(State& state) {
  Position position;
  Builder builder(state, position);
  const char* first = state.text.data();
  bool good = nlohmann::json::sax_parse(CountingIterator(first, &position),
                                        CountingIterator(first + state.text.size(), &position), &builder,
                                        nlohmann::json::input_format_t::json, true, true);
  if (!good) state.record(position.line, "not JSON");
}

}  // namespace attest::config_detail
