// templates.h: the files of conf/, built in.
#pragma once

namespace attest::ctl {

extern const char kOpensslCnf[];     // conf/openssl.cnf
extern const char kCmcdJson[];       // conf/cmcd.json
extern const char kDefaultPolicy[];  // conf/policies/default.json

}  // namespace attest::ctl
