#include "evidence/cmc/cose.h"
#include "evidence/x509/certificate.h"

// No root is ever met: nothing verifies.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const attest::Result<attest::TrustStore> store = [] {
    constexpr char kRoot[] = R"(-----BEGIN CERTIFICATE-----
MIICJjCCAc2gAwIBAgIUShvoHJ1s+I3Ji25pHcSSfnv7PSowCgYIKoZIzj0EAwIw
YTELMAkGA1UEBhMCREUxEjAQBgNVBAcMCVRlc3QgQ2l0eTEVMBMGA1UECgwMVGVz
dCBDb21wYW55MRAwDgYDVQQLDAdSb290IENBMRUwEwYDVQQDDAxUZXN0IFJvb3Qg
Q0EwHhcNMjYxMTIxMjI0MDI0WhcNMzYxMTE4MjI0MDI0WjBhMQswCQYDVQQGEwJE
RTESMBAGA1UEBwwJVGVzdCBDaXR5MRUwEwYDVQQKDAxUZXN0IENvbXBhbnkxEDAO
BgNVBAsMB1Jvb3QgQ0ExFTATBgNVBAMMDFRlc3QgUm9vdCBDQTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABJJHh3RamHuE5BIJkRR99V3YrRexXadLaTyqO3eSv1bD
UpTG+URv4GEBAfYZdBgHdaf86fKlhIP+CrlwOvrrgtCjYzBhMB0GA1UdDgQWBBTP
pmZDZ6Eu9saNNY4zoizqGI8ymDAfBgNVHSMEGDAWgBTPpmZDZ6Eu9saNNY4zoizq
GI8ymDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQD
AgNHADBEAiAVP4xhoyhaGihC5Mmo6e6nvO2Ttw13HzC/V9k1aN6IWQIgdQdA28ig
vBSbqYAAly6DWwTWJ2LSKh7hl/8Cr3xGx6k=
-----END CERTIFICATE-----
)";
    return attest::TrustStore::make(*attest::split_certificates(attest::as_view(kRoot), "root"));
  }();
  (void)attest::cmc::unverified_cose_payload({data, size});
  (void)attest::cmc::examine_cose({data, size}, *store, 1795305600);
  return 0;
}
