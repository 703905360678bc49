// proto.h: the calls of CMC's agent API as protocol buffers (proto3), as its gRPC service grpcapi.CMCService carries them.
#pragma once
#include "evidence/cmc/api.h"

namespace attest::cmc {

// proto_call is the call of a method's path, "/grpcapi.CMCService/Attest"; nullopt for a path that is none.
std::optional<Call> proto_call(std::string_view path);

// decode_proto_request takes a request message: malformed for broken encoding, wrong wire types and members out of
// bounds; unsupported for another version than 1.4.0 (TLSCreate alone may come without one, as CMC's client sends it).
// Unknown fields are passed over. Empty policies are absent, since proto3 cannot tell the two apart.
Result<ApiRequest> decode_proto_request(Call call, View message);
Bytes encode_proto_response(const ApiResponse& response);
// The other direction, for clients and tests. decode_proto_response takes what encode_proto_response writes.
Bytes encode_proto_request(const ApiRequest& request);
Result<ApiResponse> decode_proto_response(Call call, View message);

}  // namespace attest::cmc
