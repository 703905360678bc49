// snp_samples.h: SEV-SNP reports made with the test keys of test/fixtures/snp.
#pragma once
#include <functional>
#include <string>

#include "evidence/snp/signature.h"

namespace attest::test {

constexpr UnixTime kSnpNow = 1780000000;  // 2026-05-28, inside the synthetic certificates' validity

// snp_fixture reads test/fixtures/snp/synthetic-NAME; snp_certificate the one certificate of such a file as DER.
Bytes snp_fixture(const std::string& name);
Bytes snp_certificate(const std::string& name);
// snp_authorities are ARK, ASK and ASVK of one product ("turin").
std::vector<Bytes> snp_authorities(const std::string& product);
// snp_trust trusts the synthetic ARK of a product.
SnpTrust snp_trust(const std::string& product, const std::vector<Bytes>& crls = {});

// snp_resigned changes a synthetic report and signs it again with the test key: what firmware could say.
Bytes snp_resigned(const std::string& name, const std::function<void(Bytes&)>& change);

}  // namespace attest::test
