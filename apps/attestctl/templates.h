// templates.h: the files of conf/, built in.
#pragma once

namespace attest::ctl {

extern const char kOpensslCnf[];     // conf/openssl.cnf
extern const char kCmcdJson[];       // conf/cmcd.json
extern const char kDefaultPolicy[];  // conf/policies/default.json
extern const char kEkRootsPem[];          // conf/ek-roots/roots.pem
extern const char kEkIntermediatesPem[];  // conf/ek-roots/intermediates.pem

}  // namespace attest::ctl
