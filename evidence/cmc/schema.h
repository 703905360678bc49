// schema.h: structures that are passed on rather than worked with: read into a tree by the names they have in JSON.
#pragma once
#include <nlohmann/json.hpp>

#include "evidence/cmc/codec.h"

namespace attest::cmc {

// Schema is one member of a structure: its names and the form of its value.
struct Schema {
  enum class Form : std::uint8_t { text, hex, boolean, integer, texts, structure, structures };
  Field field;
  Form form;
  std::span<const Schema> members = {};  // of structure and structures
  bool optional = false;                 // left out when empty
};

// read_tree reads a structure; members that came keep JSON's names, hex values lower case.
nlohmann::json read_tree(Source& in, std::span<const Schema> members);
// write_tree is the way back: members that are not in the tree are written as their zero value unless optional.
void write_tree(Sink& out, std::span<const Schema> members, const nlohmann::json& tree);

std::span<const Schema> snp_policy_schema();
std::span<const Schema> tdx_policy_schema();
std::span<const Schema> sgx_policy_schema();
// snp_version_schema is an entry of an SNP policy's versions.
std::span<const Schema> snp_version_schema();

}  // namespace attest::cmc
