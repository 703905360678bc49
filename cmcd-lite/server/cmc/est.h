// est.h: certificates from the EST server of a CMC fleet (RFC 7030, with CMC's multipart bodies).
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest {

// EstConfig says where keys are enrolled. An empty host: nowhere.
struct EstConfig {
  std::string host, port;
  std::vector<std::filesystem::path> roots;  // of the server's TLS certificate, PEM
  std::filesystem::path token;               // file with a bearer token; empty: none
};
// parse_est_address takes "https://HOST:PORT" ([V6] in brackets; port 443 where none is named); malformed otherwise.
Result<EstConfig> parse_est_address(std::string_view url);

// EstPart is one part of a request: its content type and its bytes, which travel in base64, those of text/plain as they are.
struct EstPart {
  const char* type;  // "application/pkcs10"
  Bytes bytes;
};

// est_body is a whole multipart body and its content type.
struct EstBody {
  std::string type, text;
};
EstBody est_body(const std::vector<EstPart>& parts, std::string_view boundary);

// parse_est_answer takes an HTTP answer whole and returns the certificates (DER) in it. denied with the server's text for
// another status than 200; malformed for what is no answer of an EST server.
Result<std::vector<Bytes>> parse_est_answer(View answer);

// est_post posts to /.well-known/est/OPERATION and returns the answer whole, at most 1 MiB, whatever its status; est_enroll
// takes the certificates out of it; est_cacerts asks for the CA's chain. All block for at most `patience`.
// untrusted when the server's certificate does not lead to the roots or names another host.
Result<Bytes> est_post(const EstConfig& config, std::string_view operation, const std::vector<EstPart>& parts,
                       std::chrono::seconds patience);
Result<std::vector<Bytes>> est_enroll(const EstConfig& config, std::string_view operation, const std::vector<EstPart>& parts,
                                      std::chrono::seconds patience);
Result<std::vector<Bytes>> est_cacerts(const EstConfig& config, std::chrono::seconds patience);

}  // namespace attest
