// error_codes.h: the error codes of CMC's results, by their numbers there.
#pragma once

namespace attest::cmc {

enum Code : int {
  kUnknownSerialization = 6,
  kExpired = 11,
  kInternal = 13,
  kInvalidCertLevel = 14,
  kJwsSignatureOrder = 16,
  kMeasurementTypeNotSupported = 23,
  kNotYetValid = 25,
  kParseSignature = 29,
  kParseX5c = 31,
  kParseCert = 34,
  kParseJson = 36,
  kParseCbor = 37,
  kParseMetadata = 38,
  kParseEvidence = 39,
  kParseTime = 42,
  kPolicyEngineNotImplemented = 43,
  kRefValTypeNotSupported = 44,
  kUnsupportedAlgorithm = 57,
  kVerifyCertChain = 59,
  kVerifyMetadata = 61,
  kVerifyPolicies = 62,
  kVerifySignature = 64,
  kVerifyMeasurement = 67,
  kImageDescriptionNotPresent = 70,
  kUnknownMetadata = 71,
  kInvalidVersion = 72,
  kNoRootManifest = 73,
  kMultipleRootManifests = 74,
  kVerifyEvidence = 75,
  kVerifyAggregatedSwHash = 76,
  kCollateralNotPresent = 77,
  kParseKey = 80,
  kExtractPayload = 81,
  kFreshnessFailed = 83,
  kUnsupportedContextHashAlg = 84,
  kManifestRevoked = 86,
  kManifestRevocationUnknown = 87,
  kManifestOutdated = 88,
};

}  // namespace attest::cmc
