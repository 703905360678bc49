// asio.cc: the one translation unit that compiles standalone asio's implementation.
#include <asio/impl/src.hpp>
