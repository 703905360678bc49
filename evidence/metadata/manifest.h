// manifest.h: reference values as components of a CycloneDX SBOM.
#pragma once
#include "evidence/json/reader.h"
#include "evidence/metadata/metadata.h"

namespace attest {

constexpr std::size_t kMaxComponents = 400000;  // of one manifest

// parse_components reads a JSON list of components, as `attestctl metadata create --components` takes it and
// the daemon's "reference" answers it: {type, name, description?, hashes:[{alg,content}],
// properties:[{name,value}], optional?}. Every component needs cmc.ta; cmc.index (a PCR below 24 for TPM) for
// TPM and TDX; a TPM component a hash we know. malformed otherwise, naming the component by its number.
Result<std::vector<ReferenceValue>> parse_components(View json);
// write_components is the way back, one line.
std::string write_components(const std::vector<ReferenceValue>& references);

// read_sbom reads the value of "sbom" into the manifest; failures stay in json.
void read_sbom(JsonReader& json, Manifest& manifest);
// read_details reads the value of "details".
void read_details(JsonReader& json, Manifest& manifest);

}  // namespace attest
