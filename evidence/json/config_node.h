// config_node.h: the tree behind config.h. Private to evidence/json.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "evidence/core/result.h"

namespace attest::config_detail {

enum class Kind { null, boolean, integer, real, string, list, object };

struct Node {
  Kind kind = Kind::null;
  int line = 1;              // of the key for a member, of the value for a list item
  std::size_t position = 0;  // running number in the file
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;
  std::vector<Node> items;
  std::map<std::string, Node, std::less<>> members;
  mutable std::set<std::string, std::less<>> asked;  // keys a reader knows
};

struct State {
  std::string name;
  std::string text;
  Node root;
  std::optional<Error> error;
  // record keeps the first error only: later ones often follow from it.
  void record(int line, const std::string& what) {
    if (!error) error = Error{Errc::malformed, name + ":" + std::to_string(line) + ": " + what};
  }
};

// parse_into fills state.root from state.text, or records an error.
void parse_into(State& state);

}  // namespace attest::config_detail
